import {
  type Answer,
  type Ending,
  envelopeOf,
  isOnlyCalls,
  type ScriptedBlock,
  serverToolUsage,
  tokensOf,
  usageAtStart,
  usageOfCalls,
} from '../protocol/answer.ts';
import { bodyFrom } from '../protocol/body.ts';
import { EmulatorError } from '../protocol/emulator-error.ts';
import type { Store } from '../store/store.ts';

/** Lengths of the pieces that texts are cut into, in turn; real ones vary like this. */
const PIECES = [3, 9, 14, 7, 21, 5, 12];

/** An answer as server-sent events, written while its blocks come. */
export function sseOf(
  answer: Answer,
  { store, eventDelayMs }: { readonly store: Store; readonly eventDelayMs: number },
  signal: AbortSignal,
): Response {
  const encoder = new TextEncoder();
  const events = eventsOf(answer);
  const body = bodyFrom(
    {
      async next() {
        const { done, value } = await events.next().catch(asErrorEvent);
        if (done) return undefined;
        if (eventDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, eventDelayMs));
        return encoder.encode(`event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`);
      },
      async cancel() {
        answer.abandon();
        await events.return(undefined);
        await answer.blocks.return({ stopReason: '', container: null, delivered: () => {} });
      },
    },
    signal,
  );
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'request-id': store.ids.next('req') },
  });
}

/** What goes wrong once a stream has begun comes as an event, since its status was sent. */
function asErrorEvent(error: unknown): IteratorResult<StreamEvent> {
  const reason = error instanceof Error ? error.message : String(error);
  const message = error instanceof EmulatorError ? `emulator: ${reason}` : reason;
  return { done: false, value: { type: 'error', error: { type: 'api_error', message } } };
}

/** An event of the stream; its `type` is also its name. */
type StreamEvent = { readonly type: string; readonly [key: string]: unknown };

/**
 * In the order of the recordings: a ping after the first
 * block's start, results whole, the container at the end.
 */
async function* eventsOf(answer: Answer): AsyncGenerator<StreamEvent, undefined> {
  const { blocks, input } = answer;
  const content: ScriptedBlock[] = [];
  let next: IteratorResult<ScriptedBlock, Ending> | undefined;
  if (answer.resumesCode) {
    next = await blocks.next();
    while (!next.done && next.value.type === 'tool_use') {
      content.push(next.value);
      next = await blocks.next();
    }
    if (next.done && isOnlyCalls(content, answer)) return yield* wholeMessage(answer, content, next.value);
  }
  const { head, tail } = envelopeOf(answer);
  const end = { container: null, stop_reason: null, stop_sequence: null, stop_details: null };
  const message = { ...head, content: [], ...end, usage: usageAtStart(answer), ...tail };
  yield { type: 'message_start', message };
  let index = 0;
  for (const block of content) yield* eventsOfBlock(block, index++);
  for (next ??= await blocks.next(); !next.done; next = await blocks.next()) {
    content.push(next.value);
    yield* eventsOfBlock(next.value, index++);
  }
  const { stopReason, container, delivered } = next.value;
  yield {
    type: 'message_delta',
    delta: {
      stop_reason: stopReason,
      stop_sequence: null,
      stop_details: null,
      container,
    },
    usage: {
      input_tokens: input.input_tokens,
      cache_creation_input_tokens: input.cache_creation_input_tokens,
      cache_read_input_tokens: input.cache_read_input_tokens,
      output_tokens: tokensOf(content),
      ...serverToolUsage(content),
    },
  };
  delivered();
  yield { type: 'message_stop' };
}

/** A response of nothing but calls from code that went on: two events hold all of it (recorded Dec 2025). */
function* wholeMessage(
  answer: Answer,
  content: readonly ScriptedBlock[],
  { stopReason, container, delivered }: Ending,
): Generator<StreamEvent, undefined> {
  const { head, tail } = envelopeOf(answer);
  const message = {
    ...head,
    content,
    container,
    stop_reason: stopReason,
    stop_sequence: null,
    usage: usageOfCalls(content),
    ...tail,
  };
  yield { type: 'message_start', message };
  delivered();
  yield { type: 'message_stop' };
}

function* eventsOfBlock(block: ScriptedBlock, index: number): Generator<StreamEvent> {
  yield { type: 'content_block_start', index, content_block: opened(block) };
  if (index === 0) yield { type: 'ping' };
  for (const delta of deltasOf(block)) yield { type: 'content_block_delta', index, delta };
  yield { type: 'content_block_stop', index };
}

/** A block as it starts: texts and inputs are still empty, results are whole. */
function opened(block: ScriptedBlock): ScriptedBlock {
  if (block.type === 'text')
    return { ...block, ...('citations' in block ? { citations: [] } : {}), text: '' };
  if (block.type === 'thinking') return { ...block, thinking: '', signature: '' };
  return 'input' in block && !isNested(block) ? { ...block, input: {} } : block;
}

/** Blocks of calls from code come whole (recorded). */
function isNested({ caller }: ScriptedBlock): boolean {
  return typeof caller === 'object' && caller !== null && 'tool_id' in caller;
}

function* deltasOf(block: ScriptedBlock): Generator<object> {
  if (isNested(block)) return;
  if (block.type === 'text') {
    // Citations come before the text that they belong to (recorded).
    const citations = (block['citations'] ?? []) as readonly object[];
    for (const citation of citations) yield { type: 'citations_delta', citation };
    for (const text of piecesOf(String(block['text']))) yield { type: 'text_delta', text };
  } else if (block.type === 'thinking') {
    // Empty first, also where the text is left out (recorded Oct 2026).
    yield { type: 'thinking_delta', thinking: '' };
    for (const thinking of piecesOf(String(block['thinking']))) yield { type: 'thinking_delta', thinking };
    yield { type: 'signature_delta', signature: block['signature'] };
  } else if ('input' in block) {
    // The first fragment is always empty (74 of 74 recorded).
    yield { type: 'input_json_delta', partial_json: '' };
    for (const piece of piecesOf(JSON.stringify(block['input']))) {
      yield { type: 'input_json_delta', partial_json: piece };
    }
  }
}

function* piecesOf(text: string): Generator<string> {
  let start = 0;
  for (let count = 0; start < text.length; count++) {
    let end = start + (PIECES[count % PIECES.length] as number);
    // Texts are cut between characters, never inside one.
    if (/[\ud800-\udbff]/.test(text.charAt(end - 1))) end++;
    yield text.slice(start, end);
    start = end;
  }
}
