import { attempt, InvalidInputError, quoted } from '../errors.ts';
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
    yield { ...message, content: blocksIn(message['content'], caller) };
    return;
  }
  const list = [...source];
  // Blocks that are null came so, too.
  if (list.some((one) => isBlock(one) && !isMessage(one))) {
    const content = blocksIn(list, caller);
    if (key === 'container') throw wrong(list, caller);
    yield { content };
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

/** By the API's form, or by that of LangChain. */
function isMessage(block: Record<string, unknown>): boolean {
  return (
    /^(message|ai|AIMessageChunk|human|system|tool|constructor)$/.test(String(block['type'])) ||
    'role' in block ||
    'custom_id' in block
  );
}

/** Content whose blocks are the API's, also where a table keeps it as JSON. */
function blocksIn(content: unknown, caller: string): unknown {
  const blocks = typeof content === 'string' ? jsonOf(content) : content;
  if (!Array.isArray(blocks)) return content;
  const cure = blocks.map(foreignCure).find(Boolean);
  if (cure) throw wrong(blocks, caller, cure);
  return blocks;
}

const OF_AI_SDK = 'It is of the AI SDK: pass `result.steps.map((step) => step.response.body)`.';

/** For a block in which another tool may hide an execution. */
function foreignCure(block: unknown): string | undefined {
  const type = isBlock(block) ? block.type : '';
  if (/^tool-/.test(type)) return OF_AI_SDK;
  if (/^server_tool_call/.test(type)) return "It is of LangChain: set outputVersion: 'v0'.";
  return /^(message|content_block)_/.test(type)
    ? 'It is an event of a stream: pass `await stream.finalMessage()`.'
    : undefined;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

function jsonOf(text: string): unknown {
  return attempt<unknown>(() => JSON.parse(text), undefined);
}

/** JSON, or JSON Lines as a batch's results come. */
function parsed(given: string, caller: string): unknown {
  const text = given.replace('\ufeff', '').trim();
  const value = jsonOf(text) ?? text.split(/\s*\n\s*/).map(jsonOf);
  if (Array.isArray(value) ? !value.includes(undefined) : isRecord(value)) return value;
  throw new InvalidInputError(
    `${caller} takes a message, or its JSON; ${quoted(text)} is no JSON of one. Pass the message itself.`,
  );
}

function wrong(source: unknown, caller: string, cure = mistakenFor(source)): InvalidInputError {
  return new InvalidInputError(
    `${caller} takes a message with \`content\`, its content, a batch line, or a list of these; got ${quoted(source)}. ` +
      (cure ?? 'Pass what `await client.messages.create(…)` gives.'),
  );
}

/** What it is, and the cure. */
function mistakenFor(source: unknown): string | undefined {
  if (Array.isArray(source)) return 'Pass the message that has this content: blocks name no container.';
  if (!isRecord(source)) return undefined;
  if (typeof source['then'] === 'function') return 'It is a promise: await it first.';
  if ('steps' in source) return OF_AI_SDK;
  if (typeof source['turn'] === 'function')
    return 'It is a running turn: pass what `await stream.turn()` gives.';
  if ('finalMessage' in source) return 'It is a stream: pass `await stream.finalMessage()`.';
  if (Symbol.asyncIterator in source) return 'It is a stream: read it to its end first, as turnEvents does.';
  if ('executions' in source) return 'It is a turn: it has `executions`, `artifacts` and `container` itself.';
  if (typeof source['json'] === 'function') return 'It is a Response: pass `await response.json()`.';
  return foreignCure(source);
}
