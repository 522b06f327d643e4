import { MessageAccumulator } from '../wire/accumulate.ts';
import {
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
import { type SourceField, SourceTextDecoder, sourceFieldsOf } from '../wire/source-text.ts';
import { StreamFailure } from '../wire/stream-failure.ts';
import { type Artifact, listedArtifact } from './artifact.ts';
import type { UnnumberedEvent } from './events.ts';
import { type Execution, executionWithoutCall, finishedExecution, pendingExecution } from './execution.ts';
import type { ServerToolUse, TurnState } from './state.ts';
import { mergeReports, type ResponseUsage } from './usage.ts';

/** What is known of a response before it begins. */
export interface ResponseContext {
  readonly responseIndex: number;
  /** The container id in the request: `null` for none, `undefined` when the request is not known. */
  readonly requestedContainer: string | null | undefined;
}

/** Keys of a `message_delta` that are read; anything else that is not null is passed on as `unknown`. */
const MESSAGE_DELTA_KEYS = new Set(['type', 'delta', 'usage']);
const DELTA_KEYS = new Set(['stop_reason', 'stop_sequence', 'stop_details', 'container']);
const BLOCKS_WITHOUT_EVENTS = new Set(['text', 'thinking', 'redacted_thinking']);

/**
 * Translates the wire events of a turn's responses into turn events, and folds each response into its message.
 *
 * One translator lives for a whole turn, since a result may open the response after the one that made the call.
 * Every wire event gives its turn events at once, in order; blocks that arrive without events of their own (whole in
 * `message_start`) give the same ones.
 */
export class TurnTranslator {
  readonly #emit: (event: UnnumberedEvent) => void;
  /** Calls that a later response may bring the result of, by id. */
  readonly #executions: Map<string, Execution>;
  readonly #serverTools: Map<string, ServerToolUse>;
  readonly #artifacts: Map<string, Artifact>;
  #context: ResponseContext = { responseIndex: 0, requestedContainer: undefined };
  #accumulator = new MessageAccumulator();
  #decoders = new Map<number, SourceTextDecoder>();
  #usage: ResponseUsage = { input_tokens: 0, output_tokens: 0 };

  constructor(emit: (event: UnnumberedEvent) => void, state: TurnState) {
    this.#emit = emit;
    this.#executions = new Map(state.executions.map((one) => [one.id, one]));
    this.#serverTools = new Map(state.serverTools.map((one) => [one.id, one]));
    this.#artifacts = new Map(state.artifacts.map((one) => [one.fileId, one]));
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
   * @throws {StreamFailure} when no `message_stop` came.
   */
  complete(requestId: string | null): Message {
    const { message } = this;
    if (message && this.stopped) return message;
    throw new StreamFailure(
      message
        ? `The stream of ${message.id} ended before message_stop: what came is incomplete.`
        : 'The response ended before it began: no message_start came.',
      { code: 'stream_cut', requestId },
    );
  }

  /** Every execution of the turn so far. */
  get executions(): readonly Execution[] {
    return [...this.#executions.values()];
  }

  /** Every artifact of the turn so far. */
  get artifacts(): readonly Artifact[] {
    return [...this.#artifacts.values()];
  }

  /** Tells what was written of calls whose end will not come: as much of them as was received. */
  interrupt(): void {
    const { responseIndex } = this.#context;
    const { message } = this;
    for (const decoder of this.#decoders.values()) decoder.end();
    for (const index of this.#accumulator.openIndexes) {
      const block = this.#accumulator.openBlock(index);
      if (!message || !isBlock(block) || !isExecutionCall(block)) continue;
      this.#emit({
        type: 'execution-start',
        execution: pendingExecution({ call: block, responseIndex }, 'writing'),
      });
    }
  }

  /** Forgets the last response and awaits the next one. */
  beginResponse(context: ResponseContext): void {
    this.#context = context;
    this.#accumulator = new MessageAccumulator();
    this.#decoders = new Map();
  }

  /** @throws {StreamFailure} for a second `message_start`, which would replace what was received. */
  push(event: WireEvent): void {
    const accumulator = this.#accumulator;
    // Nothing belongs to a response behind its end.
    if (accumulator.stopped) return;
    if (!accumulator.started && event.type !== 'message_start' && event.type !== 'ping') {
      // Deltas that follow each other are one object, which the next one changes.
      this.#emit({ type: 'unknown', raw: structuredClone(event) });
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
        if (accumulator.started) {
          throw new StreamFailure('The response holds a second message_start.', { code: 'invalid_stream' });
        }
        accumulator.push(event);
        this.#onMessageStart();
        break;
      case 'message_delta':
        accumulator.push(event);
        this.#onMessageDelta(event as unknown as Record<string, unknown>);
        break;
      case 'message_stop':
        for (const index of accumulator.openIndexes) this.#onBlockStop(index);
        accumulator.push(event);
        break;
      case 'ping':
        break;
      default:
        this.#emit({ type: 'unknown', raw: event });
    }
  }

  #onMessageStart(): void {
    const message = this.message;
    if (!message) return;
    const { responseIndex } = this.#context;
    const { id, model } = message;
    this.#emit({ type: 'response-start', responseIndex, id: String(id ?? ''), model: String(model ?? '') });
    this.#usage = { input_tokens: 0, output_tokens: 0 };
    this.#reportUsage(message.usage);
    for (const block of message.content as unknown[]) this.#onWholeBlock(block);
    this.#reportContainer(message.container);
  }

  #onBlockStart(index: number, block: unknown): void {
    if (!isBlock(block)) {
      this.#emit({ type: 'unknown', raw: block ?? null });
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
      this.#emit({
        type: 'unknown',
        raw: { type: 'content_block_delta', index, delta: isBlock(delta) ? { ...delta } : (delta ?? null) },
      });
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
        this.#emit({ type: 'unknown', raw: delta });
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
    if (!decoder.wasFed) this.#spellOut(block, decoder);
    this.#startExecution(block, cutInput);
  }

  /** A block that came whole, without events of its own. */
  #onWholeBlock(block: unknown): void {
    if (!isBlock(block)) {
      this.#emit({ type: 'unknown', raw: block ?? null });
      return;
    }
    this.#spellText(block);
    if (!isExecutionCall(block)) {
      this.#onFinishedBlock(block);
      return;
    }
    this.#announce(block);
    this.#spellOut(block, this.#decoderOf(block));
    this.#startExecution(block, null);
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
    if (BLOCKS_WITHOUT_EVENTS.has(block.type)) return;
    if (isExecutionResult(block)) this.#finishExecution(block);
    else if (isToolUse(block)) {
      const { id, name, input = null } = block;
      const { responseIndex } = this.#context;
      const caller = callerOf(block);
      this.#emit({ type: 'tool-use', toolUse: { id, name, input, inputComplete, caller, responseIndex } });
    } else if (isServerToolCall(block)) {
      this.#reportServerTool({
        id: block.id,
        name: block.name,
        caller: callerOf(block),
        call: block,
        result: null,
      });
    } else if (isServerToolResult(block)) {
      const known = this.#serverTools.get(block.tool_use_id);
      const unknown = { id: block.tool_use_id, name: null, caller: callerOf(block), call: null };
      this.#reportServerTool({ ...(known ?? unknown), result: block });
    } else this.#emit({ type: 'unknown', raw: block });
  }

  #announce(call: CallBlock): void {
    const { responseIndex } = this.#context;
    // Its input is still to come, even where the block carries it already.
    const execution = pendingExecution({ call, input: {}, responseIndex }, 'writing');
    this.#emit({ type: 'execution-start', execution });
  }

  #decoderOf(call: CallBlock): SourceTextDecoder {
    const { id } = call;
    return new SourceTextDecoder(sourceFieldsOf(call.name), (field: SourceField, text: string) => {
      this.#emit({ type: 'code-delta', id, field, text, seq: 0 });
    });
  }

  /** The source of an input that came whole, as the deltas that it did not come in. */
  #spellOut(call: CallBlock, decoder: SourceTextDecoder): void {
    if (!isRecord(call.input)) return;
    decoder.write(JSON.stringify(call.input));
    decoder.end();
  }

  #startExecution(call: CallBlock, cutInput: string | null): void {
    const { responseIndex } = this.#context;
    let written = cutInput === null ? call.input : parsePartialJson(cutInput, { keepCutString: true });
    if (cutInput !== null && written === undefined) {
      this.#emit({ type: 'unknown', raw: { type: 'unreadable_input', id: call.id, text: cutInput } });
      written = sourcesIn(call.name, cutInput);
    }
    const execution = pendingExecution({
      call,
      responseIndex,
      ...(cutInput === null ? {} : { input: written ?? {}, inputComplete: false }),
    });
    // Its result may have come before the call was whole, where blocks overlap.
    const early = this.#executions.get(execution.id)?.result as ResultBlock | null | undefined;
    this.#executions.set(execution.id, execution);
    this.#emit({ type: 'execution-running', execution });
    if (early) this.#finishExecution(early);
  }

  #finishExecution(result: ResultBlock): void {
    const { responseIndex } = this.#context;
    const known = this.#executions.get(result.tool_use_id);
    const execution = known?.call
      ? finishedExecution(known, result)
      : executionWithoutCall(result, responseIndex);
    this.#executions.set(execution.id, execution);
    this.#emit({ type: 'execution-end', execution });
    for (const fileId of execution.files) {
      if (this.#artifacts.has(fileId)) continue;
      const artifact = listedArtifact(fileId, execution.id);
      this.#artifacts.set(fileId, artifact);
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
    const beyond = [...unreadKeys(event, MESSAGE_DELTA_KEYS), ...unreadKeys(delta, DELTA_KEYS)];
    if (beyond.length > 0)
      this.#emit({ type: 'unknown', raw: { type: 'message_delta', ...Object.fromEntries(beyond) } });
  }

  #reportUsage(usage: unknown): void {
    if (!isRecord(usage)) return;
    this.#usage = mergeReports(this.#usage, usage);
    this.#emit({ type: 'usage', responseIndex: this.#context.responseIndex, usage: this.#usage });
  }

  #reportContainer(value: unknown): void {
    const container = readContainer(value);
    if (!container) return;
    const { requestedContainer } = this.#context;
    if (requestedContainer === undefined) this.#emit({ type: 'container', change: 'unknown', container });
    else if (requestedContainer === null) this.#emit({ type: 'container', change: 'created', container });
    else if (requestedContainer === container.id)
      this.#emit({ type: 'container', change: 'reused', container });
    else {
      this.#emit({ type: 'container', change: 'changed', container });
      const message =
        `Container ${requestedContainer} was asked for and the API answered from ${container.id}: files and Python ` +
        'state of the former are not there.';
      this.#emit({ type: 'notice', notice: { code: 'container-changed', message } });
    }
  }
}

/** The sources that can be read out of an input that is no JSON, as their deltas gave them. */
function sourcesIn(toolName: string, input: string): Record<string, string> {
  const sources: Record<string, string> = {};
  const decoder = new SourceTextDecoder(sourceFieldsOf(toolName), (field, text) => {
    sources[field] = (sources[field] ?? '') + text;
  });
  decoder.write(input);
  decoder.end();
  return sources;
}

function unreadKeys(record: Record<string, unknown>, known: ReadonlySet<string>): [string, unknown][] {
  return Object.entries(record).filter(([key, value]) => !known.has(key) && value !== null);
}
