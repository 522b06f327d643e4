import { InvalidInputError, quoted } from '../errors.ts';
import { isBlock, isRecord } from '../wire/blocks.ts';

/** What a reader takes, beside messages: see `executionsOf`. */
export type Source<Message> = One<Message> | Iterable<One<Message>>;
type One<Message> = Message | BatchLine | string | Iterable<{ readonly type: string }>;

/** A line of a batch's results. */
interface BatchLine {
  readonly custom_id: string;
  readonly result: { readonly type: string };
}

/** How a batch line ends that has no message. */
const WITHOUT_MESSAGE = ['errored', 'expired', 'canceled'];

/**
 * The messages in what a reader was given, in order: messages, batch lines, lists of content blocks, lists of
 * these, and each of them as JSON text. `key` is what the reader reads of a message.
 *
 * @throws {InvalidInputError} for everything else, with the cure: an empty list would pass for an answer.
 */
export function* messagesIn(
  source: unknown,
  caller: string,
  key: 'content' | 'container' = 'content',
): Iterable<Record<string, unknown>> {
  if (typeof source === 'string') {
    yield* messagesIn(parsed(source, caller), caller, key);
    return;
  }
  if (!isIterable(source)) {
    const message = messageOf(source);
    if (message === null) return;
    if (!message || !hasKey(message, key)) throw wrong(source, caller);
    yield message;
    return;
  }
  const list = [...source];
  // Blocks that are null came so, too.
  if (list.some((one) => isBlock(one) && !isMessage(one))) {
    if (key === 'container') throw wrong(list, caller);
    yield { content: list };
    return;
  }
  for (const one of list) yield* messagesIn(one, caller, key);
}

/** `null` for a batch line that has none. */
function messageOf(source: unknown): Record<string, unknown> | null | undefined {
  if (!isRecord(source) || typeof source['then'] === 'function' || 'steps' in source) return undefined;
  const result = 'custom_id' in source && isRecord(source['result']) ? source['result'] : source;
  if (result === source) return source;
  if (isRecord(result['message'])) return result['message'];
  return WITHOUT_MESSAGE.includes(String(result['type'])) ? null : undefined;
}

/** A message has no `container` where none was used. */
function hasKey(message: Record<string, unknown>, key: 'content' | 'container'): boolean {
  const { content, container } = message;
  if (key === 'container') return container !== undefined || mistakenFor(message) === undefined;
  return Array.isArray(content) || typeof content === 'string';
}

function isMessage(block: Record<string, unknown>): boolean {
  return block['type'] === 'message' || 'role' in block || 'custom_id' in block;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

function parsed(text: string, caller: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new InvalidInputError(
    `${caller} takes a message, or its JSON; ${quoted(text)} is no JSON of one. Pass the message itself.`,
  );
}

function wrong(source: unknown, caller: string): InvalidInputError {
  return new InvalidInputError(
    `${caller} takes a message with \`content\`, its content, a batch line, or a list of these; got ${quoted(source)}. ` +
      (mistakenFor(source) ?? 'Pass what `await client.messages.create(…)` gives.'),
  );
}

/** What it is, and the cure. */
function mistakenFor(source: unknown): string | undefined {
  if (Array.isArray(source)) return 'Pass the message that has this content: blocks name no container.';
  if (!isRecord(source)) return undefined;
  if (typeof source['then'] === 'function') return 'It is a promise: await it first.';
  if ('steps' in source) {
    return 'It is a result of the AI SDK: pass `result.steps.map((step) => step.response.body)`.';
  }
  if (typeof source['turn'] === 'function')
    return 'It is a running turn: pass what `await stream.turn()` gives.';
  if ('finalMessage' in source) return 'It is a stream: pass `await stream.finalMessage()`.';
  if (Symbol.asyncIterator in source) return 'It is a stream: read it to its end first, as turnEvents does.';
  if ('executions' in source) return 'It is a turn: it has `executions`, `artifacts` and `container` itself.';
  if (typeof source['json'] === 'function') return 'It is a Response: pass `await response.json()`.';
  return undefined;
}
