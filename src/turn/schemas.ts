import * as z from 'zod/v4-mini';

/*
 * What this package relies on of the data that comes back from outside: events,
 * states and checkpoints. Everything else passes as it is, so that data of a
 * later version is read. Functions, so that a bundle holds only what it uses.
 */

const count = () => z.number().check(z.minimum(0));
const index = () => z.int().check(z.minimum(0));
const text = () => z.string();
const orNull = () => z.nullable(text());
const block = () => z.looseObject({ type: text() });

/** A message of a stored history. */
export const storedMessage = () =>
  z.looseObject({
    role: text(),
    content: z.union([text(), z.array(block())]),
  });

const isTime = (time: string) => !Number.isNaN(Date.parse(time));

export const containerSchema = () =>
  z.looseObject({
    id: text().check(z.minLength(1)),
    expiresAt: z.nullable(text().check(z.refine(isTime, 'Invalid time'))),
    skills: z.array(z.looseObject({ skillId: text(), type: text(), version: text() })),
  });

const usage = () => z.looseObject({ input_tokens: count(), output_tokens: count() });

export const exchangeSchema = () =>
  z.looseObject({
    responseIndex: index(),
    id: text(),
    model: text(),
    startedAt: orNull(),
    endedAt: orNull(),
    stopReason: orNull(),
    usage: usage(),
    container: z.nullable(containerSchema()),
    inputTransformations: z.array(z.unknown()),
  });

/** When an execution began and ended. */
export const timesSchema = () => z.looseObject({ id: text(), startedAt: orNull(), endedAt: orNull() });

const execution = () =>
  z.looseObject({
    id: text(),
    kind: text(),
    status: text(),
    files: z.array(text()),
    responseIndex: index(),
    resultIndex: z.nullable(index()),
  });
const artifact = () =>
  z.looseObject({ fileId: text(), executionId: text(), responseIndex: index(), status: text() });
const toolUse = () => z.looseObject({ id: text(), name: text(), responseIndex: index() });
const serverTool = () =>
  z.looseObject({ id: text(), responseIndex: index(), resultIndex: z.nullable(index()) });
const notice = () => z.looseObject({ code: text(), message: text(), responseIndex: index() });
const part = () =>
  z
    .looseObject({ type: text(), responseIndex: index() })
    .check(
      z.refine(
        ({ type, text: written }) => (type !== 'text' && type !== 'thinking') || typeof written === 'string',
        'a text must have one',
      ),
    );
const outcome = () => z.enum(['completed', 'truncated', 'refused', 'awaiting-tools', 'paused', 'unknown']);
const failure = () => ({ code: text(), message: text(), retryable: z.boolean() });

/** A {@link TurnState}. */
export const stateSchema = () =>
  z.looseObject({
    status: z.enum(['running', 'ended', 'interrupted']),
    parts: z.array(part()),
    text: text(),
    answer: text(),
    executions: z.array(execution()),
    artifacts: z.array(artifact()),
    container: z.nullable(containerSchema()),
    exchanges: z.array(exchangeSchema()),
    usage: usage(),
    toolUses: z.array(toolUse()),
    serverTools: z.array(serverTool()),
    notices: z.array(notice()),
    stopReason: orNull(),
    outcome: z.nullable(outcome()),
    error: z.optional(z.looseObject(failure())),
    seq: z.int().check(z.minimum(-1)),
  });

/** A {@link TurnEvent} of a type that this version knows. */
export const eventSchema = () => {
  const event = <Type extends string, Shape extends z.core.$ZodLooseShape>(type: Type, shape: Shape) =>
    z.looseObject({ type: z.literal(type), seq: index(), ...shape });
  const responseIndex = index();
  return z.discriminatedUnion('type', [
    event('response-start', { responseIndex, id: text(), model: text(), startedAt: orNull() }),
    event('text-delta', { text: text() }),
    event('thinking-delta', { text: text() }),
    event('execution-start', { execution: execution() }),
    event('code-delta', { id: text(), field: text(), text: text() }),
    event('execution-running', { execution: execution() }),
    event('execution-end', { execution: execution() }),
    event('artifact', { artifact: artifact() }),
    event('tool-use', { toolUse: toolUse() }),
    event('server-tool', { serverTool: serverTool() }),
    event('container', { change: text(), container: containerSchema() }),
    event('usage', { responseIndex, usage: usage() }),
    event('response-end', {
      responseIndex,
      stopReason: orNull(),
      endedAt: orNull(),
      inputTransformations: z.array(z.unknown()),
    }),
    event('pause', { responseIndex }),
    event('response-repeat', {
      responseIndex,
      exchangeCount: z.optional(index()),
      noticeCount: z.optional(index()),
    }),
    event('notice', { notice: notice() }),
    event('unknown', { responseIndex, raw: z.unknown() }),
    event('turn-end', { outcome: outcome(), stopReason: orNull() }),
    event('turn-error', failure()),
  ]);
};

/** A {@link Checkpoint}. */
export const checkpointSchema = () =>
  z.looseObject({
    params: z.looseObject({
      model: text(),
      max_tokens: z.int().check(z.minimum(1)),
      tools: z.optional(z.array(z.looseObject({}))),
    }),
    messages: z.array(z.union([storedMessage(), z.looseObject({ response: index() })])).check(z.minLength(1)),
    responses: z.array(z.looseObject({ content: z.array(z.looseObject({})) })),
    container: z.nullable(z.union([text(), z.looseObject({})])),
    state: z.looseObject({
      seq: z.int().check(z.minimum(-1)),
      exchanges: z.array(exchangeSchema()),
      notices: z.array(notice()),
      container: z.nullable(containerSchema()),
      times: z.array(timesSchema()),
      executions: z.array(execution()),
      toolUses: z.array(toolUse()),
      artifacts: z.array(artifact()),
      parts: z.array(part()),
    }),
    limits: z.looseObject({
      maxPauses: count(),
      maxToolRounds: count(),
      maxOutputTokens: z.nullable(count()),
      maxDurationMs: z.nullable(count()),
      maxReruns: count(),
    }),
    spent: z.looseObject({
      pauses: count(),
      toolRounds: count(),
      outputTokens: count(),
      durationMs: count(),
      reruns: count(),
    }),
    phase: z.enum(['ready', 'awaiting-tools']),
    runnableTools: z.array(text()),
    mcpServers: z.optional(z.array(text())),
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
