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
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw invalidRequest('The request body must be a JSON object');
}

/** @throws {ApiFailure} 400 naming the field, as `messages.0.role: …`. */
export function parseMessagesBody(body: Record<string, unknown>): MessagesBody {
  const parsed = messagesBody.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalidRequest(`${issue?.path.join('.') || 'body'}: ${issue?.message}`);
}
