import { MessageAccumulator } from '../wire/accumulate.ts';
import {
  asText,
  type Block,
  type CallBlock,
  callerOf,
  isBlock,
  isExecutionCall,
  isExecutionResult,
  isRecord,
  isServerToolCall,
  isServerToolResult,
  isToolUse,
  type Message,
  type ResultBlock,
  type WireEvent,
} from '../wire/blocks.ts';
import { readContainer } from '../wire/container.ts';
import { parsePartialJson } from '../wire/partial-json.ts';
import { type SourceField, SourceTextDecoder, sourceFieldsOf, sourcesIn } from '../wire/source-text.ts';
import { invalidStream, TurnBreak, tooLarge } from '../wire/turn-break.ts';
import { unreadOf } from '../wire/unread-keys.ts';
import { listedArtifact } from './artifact.ts';
import { containerChange } from './container-change.ts';
import type { UnnumberedEvent } from './events.ts';
import { pendingExecution } from './execution.ts';
import { containerChangedNotice, thinkingDroppedNotice } from './notices.ts';
import { Pairing } from './pairing.ts';
import { type ServerToolUse, stopReasonOf, type TurnState } from './state.ts';
import { mergeReports, NO_USAGE, type ResponseUsage } from './usage.ts';

/** What is known of a response before it begins. */
export interface ResponseContext {
  readonly responseIndex: number;
  /** The container id in the request: `null` for none, `undefined` when the request is not known. */
  readonly requestedContainer: string | null | undefined;
  /** ISO time when the request was sent. */
  readonly startedAt: string | null;
}

/** Options of a {@link TurnTranslator}. */
export interface TranslatorOptions {
  /** Gives the ISO time, or `null` where no run measures it. */
  readonly time?: () => string | null;
  /** So many events of responses; one more is too much. */
  readonly maxEvents?: number;
}

const BLOCKS_WITHOUT_EVENTS = new Set(['text', 'thinking', 'redacted_thinking']);

/**
 * Translates the wire events of a turn's responses into
 * turn events, and folds each response into its message.
 *
 * One translator lives for a whole turn, since a result may open the response after the
 * one that made the call. Every wire event gives its turn events at once, in order; blocks
 * that arrive without events of their own (whole in `message_start`) give the same ones.
 */
export class TurnTranslator {
  readonly #out: (event: UnnumberedEvent) => void;
  readonly #time: () => string | null;
  readonly #maxEvents: number;
  #eventsLeft: number;
  /** Calls that a later response may bring the result of. */
  readonly #pairing: Pairing;
  readonly #serverTools: Map<string, ServerToolUse>;
  readonly #fileIds: Set<string>;
  #context: ResponseContext = { responseIndex: 0, requestedContainer: undefined, startedAt: null };
  #accumulator = new MessageAccumulator();
  #decoders = new Map<number, SourceTextDecoder>();
  #usage: ResponseUsage = NO_USAGE;

  constructor(
    emit: (event: UnnumberedEvent) => void,
    { executions, serverTools, artifacts, seq }: TurnState,
    { time = () => null, maxEvents = Number.POSITIVE_INFINITY }: TranslatorOptions = {},
  ) {
    this.#out = emit;
    this.#time = time;
    this.#maxEvents = maxEvents;
    // A small integer, which counts faster.
    this.#eventsLeft = Math.min(maxEvents - seq - 1, 2 ** 30);
    this.#pairing = new Pairing(executions);
    this.#serverTools = new Map(serverTools.map((one) => [one.id, one]));
    this.#fileIds = new Set(artifacts.map(({ fileId }) => fileId));
  }

  /** The message of the current response as far as it came. */
  get message(): Message | null {
    return this.#accumulator.message;
  }

  /** Whether the current response has ended: only `message_stop` proves it. */
  get stopped(): boolean {
    return this.#accumulator.stopped;
  }

  /**
   * The message of the current response, at its end.
   *
   * @throws {TurnBreak} when no `message_stop` came.
   */
  complete(requestId: string | null): Message {
    const { message } = this;
    if (message && this.stopped) return message;
    const what = message
      ? `The stream of ${asText(message.id)} ended before message_stop: what came is incomplete.`
      : 'The response ended before it began: no message_start came.';
    // Only a run knows when it began, and has a checkpoint. After a stop reason the answer is there.
    const canResume = this.#context.startedAt !== null && !message?.stop_reason;
    const cure = canResume ? ' Go on with resumeTurn(client, error.checkpoint, { rerun: true }).' : '';
    throw new TurnBreak('stream_cut', what + cure, { requestId });
  }

  /** Emits calls that are still open, with as much of their input as arrived. */
  interrupt(): void {
    const { responseIndex } = this.#context;
    for (const decoder of this.#decoders.values()) decoder.end();
    // Read once: it fills in what was written of all open blocks.
    if (!this.message) return;
    for (const index of this.#accumulator.openIndexes) {
      const call = this.#accumulator.openBlock(index);
      if (!isBlock(call) || !isExecutionCall(call)) continue;
      this.#out({
        type: 'execution-start',
        execution: pendingExecution({ call, responseIndex }, 'writing'),
      });
    }
  }

  /** Forgets the last response and awaits the next one. */
  beginResponse(context: ResponseContext): void {
    this.#context = context;
    this.#accumulator = new MessageAccumulator();
    this.#decoders = new Map();
  }

  /**
   * @throws {TurnBreak} for a second `message_start`, which
   * would replace what was received, and for too many events.
   */
  push(event: WireEvent): void {
    const accumulator = this.#accumulator;
    // Nothing belongs to a response after its end.
    if (accumulator.stopped) return;
    if (!accumulator.started && event.type !== 'message_start' && event.type !== 'ping') {
      // Deltas that follow each other are one object, which the next one changes.
      this.#emitUnknown(structuredClone(event));
      return;
    }
    switch (event.type) {
      case 'content_block_delta':
        this.#onDelta(event.index, event.delta);
        break;
      case 'content_block_start':
        // A block that was never closed ends where its index is used again.
        this.#onBlockStop(event.index);
        accumulator.push(event);
        this.#onBlockStart(event.index, event.content_block);
        break;
      case 'content_block_stop':
        this.#onBlockStop(event.index);
        break;
      case 'message_start':
        if (accumulator.started) throw invalidStream('The response holds a second message_start.');
        accumulator.push(event);
        this.#onMessageStart(event.message);
        break;
      case 'message_delta':
        accumulator.push(event);
        this.#onMessageDelta(event as unknown as Record<string, unknown>);
        break;
      case 'message_stop':
        for (const index of accumulator.openIndexes) this.#onBlockStop(index);
        accumulator.push(event);
        this.#onMessageStop();
        break;
      case 'ping':
        break;
      default:
        this.#emitUnknown(event);
    }
  }

  #emit(event: UnnumberedEvent): void {
    if (this.#eventsLeft-- <= 0) {
      throw tooLarge(`The turn has more than ${this.#maxEvents} events`, 'maxTurnEvents');
    }
    this.#out(event);
  }

  #emitUnknown(raw: unknown): void {
    this.#emit({ type: 'unknown', responseIndex: this.#context.responseIndex, raw });
  }

  #onMessageStart({ id, model, usage, content, container }: Message): void {
    const { responseIndex, startedAt } = this.#context;
    const names = { id: asText(id), model: asText(model) };
    this.#emit({ type: 'response-start', responseIndex, ...names, startedAt });
    this.#usage = NO_USAGE;
    this.#reportUsage(usage);
    // Blocks that come whole, without events of their own.
    for (const [index, block] of (Array.isArray(content) ? content : []).entries()) {
      this.push({ type: 'content_block_start', index, content_block: block });
      this.push({ type: 'content_block_stop', index });
    }
    this.#reportContainer(container);
  }

  #onMessageStop(): void {
    const message = this.message as (Message & { readonly input_transformations?: unknown }) | null;
    const given = message?.input_transformations;
    const inputTransformations = Array.isArray(given) ? given : [];
    const { responseIndex } = this.#context;
    const notice = thinkingDroppedNotice(inputTransformations, responseIndex);
    if (notice) this.#emit({ type: 'notice', notice });
    this.#emit({
      type: 'response-end',
      responseIndex,
      stopReason: stopReasonOf(message),
      endedAt: this.#time(),
      inputTransformations,
    });
  }

  #onBlockStart(index: number, block: unknown): void {
    if (!isBlock(block)) {
      this.#emitUnknown(block ?? null);
      return;
    }
    this.#spellText(block);
    // Results are whole when they start, so nothing that came is lost if their end does not come.
    if (isServerToolResult(block)) this.#onFinishedBlock(block);
    if (!isExecutionCall(block)) return;
    this.#announce(block);
    this.#decoders.set(index, this.#decoderOf(block));
  }

  #onDelta(index: number, delta: unknown): void {
    if (!isBlock(delta) || !this.#accumulator.applyDelta(index, delta)) {
      const copy = isBlock(delta) ? { ...delta } : (delta ?? null);
      this.#emitUnknown({ type: 'content_block_delta', index, delta: copy });
      return;
    }
    switch (delta.type) {
      case 'text_delta':
        this.#emitText('text-delta', delta['text']);
        break;
      case 'input_json_delta':
        if (typeof delta['partial_json'] === 'string')
          this.#decoders.get(index)?.write(delta['partial_json']);
        break;
      case 'thinking_delta':
        this.#emitText('thinking-delta', delta['thinking']);
        break;
      case 'signature_delta':
      case 'citations_delta':
      case 'compaction_delta':
        break;
      default:
        this.#emitUnknown(delta);
    }
  }

  #onBlockStop(index: number): void {
    const closed = this.#accumulator.closeBlock(index);
    if (!closed) return;
    const { block, cutInput } = closed;
    const decoder = this.#decoders.get(index);
    this.#decoders.delete(index);
    if (!decoder || !isExecutionCall(block)) {
      if (isBlock(block) && !isServerToolResult(block)) this.#onFinishedBlock(block, cutInput === null);
      return;
    }
    decoder.end();
    if (!decoder.wasFed) this.#spellOut(block);
    this.#startExecution(block, cutInput);
  }

  /** The text that a block brings along when it starts; usually empty. */
  #spellText(block: Block): void {
    if (block.type === 'text') this.#emitText('text-delta', block['text']);
    if (block.type === 'thinking') this.#emitText('thinking-delta', block['thinking']);
  }

  #emitText(type: 'text-delta' | 'thinking-delta', text: unknown): void {
    if (typeof text === 'string' && text !== '') this.#emit({ type, text, seq: 0 });
  }

  #onFinishedBlock(block: Block, inputComplete = true): void {
    const { responseIndex } = this.#context;
    if (BLOCKS_WITHOUT_EVENTS.has(block.type)) return;
    if (isExecutionResult(block)) this.#finishExecution(block);
    else if (isToolUse(block)) {
      const { id, name, input = null } = block;
      // What is no object is a part of one, or nothing that a tool takes.
      const isWhole = inputComplete && isRecord(input);
      const caller = callerOf(block);
      const toolUse = { id, name, input, inputComplete: isWhole, caller, responseIndex };
      this.#emit({ type: 'tool-use', toolUse });
    } else if (isServerToolCall(block)) {
      const { id, name } = block;
      // Its result may have come before the call was whole, where blocks overlap.
      const { result = null, resultIndex = null } = this.#serverTools.get(id) ?? {};
      const caller = callerOf(block);
      this.#reportServerTool({ id, name, caller, responseIndex, resultIndex, call: block, result });
    } else if (isServerToolResult(block)) {
      const id = block.tool_use_id;
      const known = this.#serverTools.get(id);
      const unknown = { id, name: null, caller: callerOf(block), responseIndex, call: null };
      this.#reportServerTool({ ...(known ?? unknown), resultIndex: responseIndex, result: block });
    } else this.#emitUnknown(block);
  }

  #announce(call: CallBlock): void {
    const { responseIndex } = this.#context;
    // Its input is still to come, even where the block carries it already.
    const execution = pendingExecution({ call, input: {}, responseIndex }, 'writing');
    this.#emit({ type: 'execution-start', execution });
  }

  #decoderOf({ id, name }: CallBlock): SourceTextDecoder {
    return new SourceTextDecoder(sourceFieldsOf(name), (field: SourceField, text: string) => {
      this.#emit({ type: 'code-delta', id, field, text, seq: 0 });
    });
  }

  /** The source of an input that came whole, as the deltas that it did not come in. */
  #spellOut({ id, name, input }: CallBlock): void {
    if (!isRecord(input)) return;
    const fields: readonly string[] = sourceFieldsOf(name);
    for (const [field, text] of Object.entries(input)) {
      if (typeof text !== 'string' || text === '' || !fields.includes(field)) continue;
      this.#emit({ type: 'code-delta', id, field: field as SourceField, text, seq: 0 });
    }
  }

  #startExecution(call: CallBlock, cutInput: string | null): void {
    const { responseIndex } = this.#context;
    let written = cutInput === null ? call.input : parsePartialJson(cutInput, { keepCutString: true });
    if (cutInput !== null && written === undefined) {
      this.#emitUnknown({ type: 'unreadable_input', id: call.id, text: cutInput });
      written = sourcesIn(call.name, cutInput);
    }
    const execution = pendingExecution({
      call,
      responseIndex,
      startedAt: this.#time(),
      ...(cutInput === null ? {} : { input: written ?? {}, inputComplete: false }),
    });
    const early = this.#pairing.begin(execution);
    this.#emit({ type: 'execution-running', execution });
    if (early) this.#finishExecution(early);
  }

  #finishExecution(result: ResultBlock): void {
    const { responseIndex } = this.#context;
    const execution = this.#pairing.end({ result, resultIndex: responseIndex, endedAt: this.#time() });
    this.#emit({ type: 'execution-end', execution });
    for (const fileId of execution.files) {
      if (this.#fileIds.has(fileId)) continue;
      this.#fileIds.add(fileId);
      const artifact = listedArtifact({ fileId, executionId: execution.id, responseIndex });
      this.#emit({ type: 'artifact', artifact });
    }
  }

  #reportServerTool(serverTool: ServerToolUse): void {
    this.#serverTools.set(serverTool.id, serverTool);
    this.#emit({ type: 'server-tool', serverTool });
  }

  #onMessageDelta(event: Record<string, unknown>): void {
    this.#reportUsage(event['usage']);
    const delta = isRecord(event['delta']) ? event['delta'] : {};
    this.#reportContainer(delta['container']);
    const beyond = unreadOf(event);
    if (beyond.length > 0) this.#emitUnknown({ type: 'message_delta', ...Object.fromEntries(beyond) });
  }

  #reportUsage(usage: unknown): void {
    if (!isRecord(usage)) return;
    this.#usage = mergeReports(this.#usage, usage);
    this.#emit({ type: 'usage', responseIndex: this.#context.responseIndex, usage: this.#usage });
  }

  #reportContainer(value: unknown): void {
    const container = readContainer(value);
    if (!container) return;
    const { requestedContainer: requested, responseIndex } = this.#context;
    const change = containerChange(requested, container.id);
    this.#emit({ type: 'container', change, container });
    if (requested && change === 'changed') {
      this.#emit({ type: 'notice', notice: containerChangedNotice(requested, container.id, responseIndex) });
    }
  }
}
