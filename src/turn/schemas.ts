import * as z from 'zod/v4-mini';

/*
 * What this package relies on of the data that comes back from outside: events, states and checkpoints. Everything else
 * passes as it is, so that data of a later version is read.
 */

const count = z.number().check(z.minimum(0));
const limit = z.nullable(count);
const text = z.string();
const orNull = z.nullable(text);
const responseIndex = z.int().check(z.minimum(0));
const block = z.looseObject({ type: text });

/** A message of a stored history. */
export const storedMessage = z.looseObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z.union([text, z.array(block)]),
});

export const containerSchema = z.looseObject({
  id: text.check(z.minLength(1)),
  expiresAt: z.nullable(text.check(z.refine((time) => !Number.isNaN(Date.parse(time)), 'Invalid time'))),
  skills: z.array(z.looseObject({ skillId: text, type: text, version: text })),
});

const usage = z.looseObject({ input_tokens: count, output_tokens: count });

export const exchangeSchema = z.looseObject({
  responseIndex,
  id: text,
  model: text,
  startedAt: orNull,
  endedAt: orNull,
  stopReason: orNull,
  usage,
  container: z.nullable(containerSchema),
  inputTransformations: z.array(z.unknown()),
});

/** When an execution began and ended. */
export const timesSchema = z.looseObject({ id: text, startedAt: orNull, endedAt: orNull });

const execution = z.looseObject({
  id: text,
  kind: text,
  status: text,
  files: z.array(text),
  responseIndex,
  resultIndex: z.nullable(responseIndex),
});
const artifact = z.looseObject({ fileId: text, executionId: text, responseIndex, status: text });
const toolUse = z.looseObject({ id: text, name: text, responseIndex });
const serverTool = z.looseObject({ id: text, responseIndex, resultIndex: z.nullable(responseIndex) });
const notice = z.looseObject({ code: text, message: text, responseIndex });
const part = z
  .looseObject({ type: text, responseIndex })
  .check(
    z.refine(
      ({ type, text: written }) => (type !== 'text' && type !== 'thinking') || typeof written === 'string',
      'a text must have one',
    ),
  );
const outcome = z.enum(['completed', 'truncated', 'refused', 'awaiting-tools', 'paused', 'unknown']);
const failure = { code: text, message: text, retryable: z.boolean() };

/** A {@link TurnState}. */
export const stateSchema = z.looseObject({
  status: z.enum(['running', 'ended', 'interrupted']),
  parts: z.array(part),
  text,
  answer: text,
  executions: z.array(execution),
  artifacts: z.array(artifact),
  container: z.nullable(containerSchema),
  exchanges: z.array(exchangeSchema),
  usage,
  toolUses: z.array(toolUse),
  serverTools: z.array(serverTool),
  notices: z.array(notice),
  stopReason: orNull,
  outcome: z.nullable(outcome),
  error: z.optional(z.looseObject(failure)),
  seq: z.int().check(z.minimum(-1)),
});

const event = <Type extends string, Shape extends z.core.$ZodLooseShape>(type: Type, shape: Shape) =>
  z.looseObject({ type: z.literal(type), seq: z.int().check(z.minimum(0)), ...shape });

/** A {@link TurnEvent} of a type that this version knows. */
export const eventSchema = z.discriminatedUnion('type', [
  event('response-start', { responseIndex, id: text, model: text, startedAt: orNull }),
  event('text-delta', { text }),
  event('thinking-delta', { text }),
  event('execution-start', { execution }),
  event('code-delta', { id: text, field: text, text }),
  event('execution-running', { execution }),
  event('execution-end', { execution }),
  event('artifact', { artifact }),
  event('tool-use', { toolUse }),
  event('server-tool', { serverTool }),
  event('container', { change: text, container: containerSchema }),
  event('usage', { responseIndex, usage }),
  event('response-end', {
    responseIndex,
    stopReason: orNull,
    endedAt: orNull,
    inputTransformations: z.array(z.unknown()),
  }),
  event('pause', { responseIndex }),
  event('response-repeat', {
    responseIndex,
    exchangeCount: z.optional(count),
    noticeCount: z.optional(count),
  }),
  event('notice', { notice }),
  event('unknown', { responseIndex, raw: z.unknown() }),
  event('turn-end', { outcome, stopReason: orNull }),
  event('turn-error', failure),
]);

/** A {@link Checkpoint}. */
export const checkpointSchema = z.looseObject({
  params: z.looseObject({
    model: text,
    max_tokens: z.int().check(z.minimum(1)),
    tools: z.optional(z.array(z.looseObject({}))),
  }),
  messages: z
    .array(z.union([storedMessage, z.looseObject({ response: z.int().check(z.minimum(0)) })]))
    .check(z.minLength(1)),
  responses: z.array(z.looseObject({ id: text, content: z.array(block), stop_reason: orNull })),
  container: z.nullable(z.union([text, z.looseObject({})])),
  state: z.looseObject({
    seq: z.int().check(z.minimum(-1)),
    exchanges: z.array(exchangeSchema),
    notices: z.array(notice),
    times: z.array(timesSchema),
    artifacts: z.array(artifact),
    more: z.partial(stateSchema),
  }),
  limits: z.looseObject({
    maxPauses: count,
    maxToolRounds: count,
    maxOutputTokens: limit,
    maxDurationMs: limit,
  }),
  spent: z.looseObject({ pauses: count, toolRounds: count, outputTokens: count, durationMs: count }),
  phase: z.enum(['ready', 'awaiting-tools']),
  runnableTools: z.array(text),
  mayRerun: z.boolean(),
});

/** What is wrong with data from outside, with the field's path; `undefined` for data that can be used. */
export function damageIn(schema: z.ZodMiniType, value: unknown): string | undefined {
  let issue = schema.safeParse(value).error?.issues[0];
  if (!issue) return undefined;
  const path = [...issue.path];
  // Of what may have several forms, the first is the usual one.
  while (issue.code === 'invalid_union' && issue.errors[0]?.[0]) {
    issue = issue.errors[0][0];
    path.push(...issue.path);
  }
  return `${path.join('.') || 'the whole'}: ${issue.message}`;
}
