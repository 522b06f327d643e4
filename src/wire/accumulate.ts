import { type Block, carriesInput, isRecord, type Message, type WireEvent } from './blocks.ts';
import { GrowingText } from './growing-text.ts';
import { parseJson, parsePartialJson } from './partial-json.ts';

/** The counters that the SDK takes over from `message_delta`; see {@link MessageAccumulator}. */
const USAGE_KEYS = [
  'output_tokens',
  'input_tokens',
  'cache_creation_input_tokens',
  'cache_read_input_tokens',
  'server_tool_use',
  'output_tokens_details',
] as const;

type MutableBlock = { type: string } & Record<string, unknown>;

/** A block that is still being written. */
interface OpenBlock {
  readonly block: MutableBlock;
  /**
   * What its deltas write: the field of the block, or `null` for JSON that becomes `input` when it is whole.
   */
  field: 'text' | 'thinking' | null;
  written: GrowingText | undefined;
  citations: unknown[] | undefined;
}

/**
 * Folds the events of one response into its message, equal
 * to the SDK's `finalMessage()` over the same events.
 *
 * Blocks arrive in three ways, all recorded: piece by piece, whole in `content_block_start` (results, and
 * calls made by code, which bring their input and no deltas), and whole in `message_start` (a response that
 * is only `message_start` and `message_stop`). `container` comes in `message_delta` at the very end, or in
 * `message_start` when the blocks do.
 *
 * The message is the accumulator's own copy; events are not
 * changed. Read it at any time: it holds what came so far.
 */
export class MessageAccumulator {
  #message: Message | null = null;
  /** True after `message_stop`, the only proof that a response is complete. */
  stopped = false;
  readonly #open = new Map<number, OpenBlock>();

  /** The message as far as it came; inputs of open calls hold what was written of them. */
  get message(): Message | null {
    for (const { block, field, written } of this.#open.values()) {
      if (field) block[field] = String(written);
      else if (written) block['input'] = parsePartialJson(String(written), { keepCutString: true }) ?? {};
    }
    return this.#message;
  }

  /** Whether `message_start` came. */
  get started(): boolean {
    return this.#message !== null;
  }

  /**
   * Takes an event; deltas go to {@link applyDelta} and `content_block_stop` goes to {@link
   * closeBlock}, which says more. Blocks in `message_start` are to be given one by one.
   */
  push(event: WireEvent): void {
    switch (event.type) {
      case 'message_start':
        this.#message = { ...event.message, content: [] };
        if (event.message.usage) this.#message.usage = { ...event.message.usage };
        break;
      case 'content_block_start': {
        const block = { ...event.content_block };
        this.#message?.content.push(block);
        this.#open.set(event.index, {
          block: block as unknown as MutableBlock,
          field: null,
          written: undefined,
          citations: undefined,
        });
        break;
      }
      case 'message_delta':
        this.#applyMessageDelta(event);
        break;
      case 'message_stop':
        this.stopped = true;
        break;
    }
  }

  /** Indexes of blocks that have started and not stopped. */
  get openIndexes(): number[] {
    return [...this.#open.keys()];
  }

  /** A block that has started and not stopped. */
  openBlock(index: number): Block | undefined {
    return this.#open.get(index)?.block;
  }

  /**
   * Ends a block. `cutInput` is the input of a call as it was written when that is no whole
   * JSON; the message then holds what the SDK makes of it, which can be as little as `{}`.
   */
  closeBlock(index: number): { readonly block: Block; readonly cutInput: string | null } | undefined {
    const open = this.#open.get(index);
    if (!open) return undefined;
    this.#open.delete(index);
    const { block, field, written } = open;
    if (field) block[field] = String(written);
    // No fragments at all: the input came whole with the block, and must not be replaced by an empty one.
    if (field || !written || !carriesInput(block)) return { block, cutInput: null };
    const json = String(written);
    const whole = parseJson(json);
    const input = whole === undefined ? (parsePartialJson(json, { keepCutString: false }) ?? {}) : whole;
    (block as MutableBlock)['input'] = input;
    return { block, cutInput: whole === undefined ? json : null };
  }

  /** Takes the delta of a block. Returns whether that block is open; deltas of others have nowhere to go. */
  applyDelta(index: number, delta: Block): boolean {
    const open = this.#open.get(index);
    if (!open) return false;
    const { block } = open;
    switch (delta.type) {
      case 'text_delta':
        if (block.type === 'text') write(open, 'text', delta['text']);
        break;
      case 'input_json_delta':
        write(open, null, delta['partial_json']);
        break;
      case 'thinking_delta':
        if (block.type === 'thinking') write(open, 'thinking', delta['thinking']);
        break;
      case 'signature_delta':
        if (block.type === 'thinking') block['signature'] = delta['signature'];
        break;
      case 'citations_delta':
        if (block.type === 'text') {
          open.citations ??= Array.isArray(block['citations']) ? [...block['citations']] : [];
          open.citations.push(delta['citation']);
          block['citations'] = open.citations;
        }
        break;
      case 'compaction_delta': {
        // Beta: carries the block's final value rather than a piece of it.
        const { type: _, ...value } = delta;
        if (block.type === 'compaction') Object.assign(block, value);
        break;
      }
    }
    return true;
  }

  #applyMessageDelta(event: Extract<WireEvent, { type: 'message_delta' }>): void {
    const message = this.#message;
    if (!message) return;
    const { stop_reason, stop_sequence, stop_details, container } = event.delta;
    // A later delta without a reason does not take back what was said.
    message.stop_reason = stop_reason ?? message.stop_reason ?? null;
    message.stop_sequence = stop_sequence ?? message.stop_sequence ?? null;
    if (stop_details !== undefined) message.stop_details = stop_details;
    // As the SDK, which takes it as it is in the last delta; without the key, as JSON would have it.
    else Reflect.deleteProperty(message, 'stop_details');
    // Absent or null does not mean that the container is gone.
    if (container != null) message.container = container;
    // Documented: only where another model took over in the middle, whose list replaces the first.
    const { input_transformations: transformations } = event as { input_transformations?: unknown };
    if (transformations != null) Object.assign(message, { input_transformations: transformations });
    if (!isRecord(event.usage)) return;
    const usage: Record<string, unknown> = { ...message.usage };
    for (const key of USAGE_KEYS) {
      const value = (event.usage as unknown as Record<string, unknown>)[key];
      if (value != null) usage[key] = value;
    }
    message.usage = usage as unknown as Message['usage'];
  }
}

function write(open: OpenBlock, field: OpenBlock['field'], text: unknown): void {
  // Empty pieces are common, and none of them makes an input whole.
  if (typeof text !== 'string' || text === '') return;
  open.field = field;
  open.written ??= new GrowingText(field ? ((open.block[field] as string | null) ?? '') : '');
  open.written.append(text);
}
