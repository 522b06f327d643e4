import * as z from 'zod/v4-mini';
import { invalidRequest } from './http.ts';

const block = z.looseObject({ type: z.string() });
const message = z.looseObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z.union([z.string(), z.array(block)]),
});

/** The part of a Messages request that the emulator reads; the rest passes. */
const messagesBody = z.looseObject({
  model: z.string().check(z.minLength(1)),
  max_tokens: z.int().check(z.minimum(0)),
  messages: z.array(message).check(z.minLength(1)),
  tools: z.nullish(z.array(z.looseObject({ type: z.nullish(z.string()), name: z.optional(z.string()) }))),
  stream: z.nullish(z.boolean()),
  container: z.optional(
    z.nullable(
      z.union([
        z.string(),
        z.looseObject({ id: z.nullish(z.string()), skills: z.nullish(z.array(z.looseObject({}))) }),
      ]),
    ),
  ),
});

export type MessagesBody = z.infer<typeof messagesBody>;

/** @throws {ApiFailure} 400 for what is no JSON object. */
export function parseObject(text: string): Record<string, unknown> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw invalidRequest('The request body is not valid JSON');
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    checkSurrogates(text, body);
    return body as Record<string, unknown>;
  }
  throw invalidRequest('The request body must be a JSON object');
}

/** Half of a pair of UTF-16 units, as a text that was cut inside of an emoji ends with. */
const HALF = /\p{Surrogate}/u;
const ESCAPED_HALF = /\\u(?:d[89ab]..(?!\\ud[c-f])|(?<!\\ud[89ab]..\\u)d[c-f])/i;

/** Reported for the first half; that the second half alone is refused, too, is a guess. */
function checkSurrogates(text: string, body: object): void {
  // What is escaped twice, such as a path of Windows, is none.
  if (!/\\ud[89a-f]/i.test(text) || !HALF.test(joined(body))) return;
  const column = text.search(ESCAPED_HALF) + 1;
  const which = /^\\ud[89ab]/i.test(text.slice(column - 1)) ? 'low' : 'high';
  throw invalidRequest(
    `The request body is not valid JSON: no ${which} surrogate in string: line 1 column ${column} (char ${column - 1})`,
  );
}

/** All texts of a value, keys included, each on a line of its own. */
function joined(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([key, held]) => `${key}\n${joined(held)}`)
    .join('\n');
}

/** @throws {ApiFailure} 400 naming the field, as `messages.0.role: …`. */
export function parseMessagesBody(body: Record<string, unknown>): MessagesBody {
  const parsed = messagesBody.safeParse(body);
  // As it came: the parser's copy has the keys that it knows first.
  if (parsed.success) return body as MessagesBody;
  const [issue] = parsed.error.issues;
  throw invalidRequest(`${issue?.path.join('.') || 'body'}: ${issue?.message}`);
}
