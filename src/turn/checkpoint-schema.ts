import * as z from 'zod/v4-mini';

const count = z.number().check(z.minimum(0));
const limit = z.nullable(z.number().check(z.minimum(0)));
const block = z.looseObject({ type: z.string() });
/** A message of a stored history. */
export const storedMessage = z.looseObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z.union([z.string(), z.array(block)]),
});
const part = z
  .looseObject({ type: z.string() })
  .check(
    z.refine(
      ({ type, text }) => (type !== 'text' && type !== 'thinking') || typeof text === 'string',
      'a text must have one',
    ),
  );
const identified = z.looseObject({ id: z.string() });

/** What the loop relies on; the rest passes as it is. */
export const checkpointSchema = z.looseObject({
  params: z.looseObject({
    model: z.string(),
    max_tokens: z.int().check(z.minimum(1)),
    tools: z.optional(z.array(z.looseObject({}))),
  }),
  messages: z.array(storedMessage).check(z.minLength(1)),
  responses: z.array(
    z.looseObject({ id: z.string(), content: z.array(block), stop_reason: z.nullable(z.string()) }),
  ),
  container: z.nullable(z.union([z.string(), z.looseObject({})])),
  state: z.looseObject({
    status: z.enum(['running', 'ended', 'interrupted']),
    parts: z.array(part),
    text: z.string(),
    answer: z.string(),
    executions: z.array(z.looseObject({ id: z.string(), kind: z.string(), status: z.string() })),
    artifacts: z.array(z.looseObject({ fileId: z.string() })),
    container: z.nullable(z.looseObject({ id: z.string(), expiresAt: z.nullable(z.string()) })),
    usage: z.looseObject({
      input_tokens: count,
      output_tokens: count,
      perResponse: z.array(z.looseObject({})),
      interrupted: z.array(z.looseObject({})),
    }),
    toolUses: z.array(identified),
    serverTools: z.array(identified),
    notices: z.array(z.looseObject({ code: z.string(), message: z.string() })),
    responseCount: count,
    seq: z.int().check(z.minimum(-1)),
  }),
  limits: z.looseObject({
    maxPauses: count,
    maxToolRounds: count,
    maxOutputTokens: limit,
    maxDurationMs: limit,
  }),
  spent: z.looseObject({ pauses: count, toolRounds: count, outputTokens: count, durationMs: count }),
  phase: z.enum(['ready', 'awaiting-tools']),
  runnableTools: z.array(z.string()),
  mayRerun: z.boolean(),
});
