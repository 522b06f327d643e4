import type { MessageParam, ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { InvalidInputError } from '../errors.ts';
import { interruptedParams, withToolResults } from '../request/next-params.ts';
import { assertFormat, type OutputFormat, parserOf } from '../request/output-format.ts';
import type { RequestParams } from '../request/params.ts';
import { handlersOf, type RunnableTool } from '../request/runnable-tools.ts';
import { assertMessagesClient, type MessagesClient } from '../sdk/client.ts';
import type { Checkpoint, Turn } from '../turn/state.ts';
import { toolUsesIn } from '../wire/blocks.ts';
import { readCheckpoint } from './checkpoint.ts';
import { turnLoop } from './loop.ts';
import { callsDroppedNotice } from './notices.ts';
import { resolveTurnOptions, type TurnOptions } from './options.ts';
import { turnRun } from './turn-context.ts';
import { type TurnStage, TurnStream } from './turn-stream.ts';

/** Options of {@link resumeTurn}: those of a turn, and what is needed to go on. */
export interface ResumeOptions<Parsed = unknown> extends TurnOptions {
  /** The handlers of the turn's runnable tools; their definitions are in the checkpoint. */
  readonly tools?: readonly RunnableTool[] | undefined;
  /** Results for the calls that the turn waits for, instead of handlers. */
  readonly toolResults?: readonly ToolResultBlockParam[] | undefined;
  /** The turn's `output_config.format`, to read the answer with; what is sent is in the checkpoint. Without it `parsed` is `null`. */
  readonly format?: OutputFormat<Parsed> | null | undefined;
  /** A user message to send instead of going on. Calls without a result are dropped, and a notice names them. */
  readonly interrupt?: MessageParam['content'] | undefined;
  /** Take a checkpoint behind which something was already sent: code, or a handler, may run a second time. */
  readonly rerun?: boolean | undefined;
}

/**
 * Goes on with an unfinished turn, also in another process: the same conversation, container and counters. Events are numbered on.
 * Limits are those of the checkpoint where the options name none.
 *
 * Bad input, such as a checkpoint that is damaged or a handler that is missing, rejects the first `next()` or `turn()` with an
 * `InvalidInputError`, before any request.
 *
 * @example
 * ```ts
 * const turn = await resumeTurn(client, JSON.parse(stored), { tools: [getSales], rerun: true }).turn();
 * ```
 */
export function resumeTurn<Parsed = null>(
  client: MessagesClient,
  checkpoint: Checkpoint,
  options: ResumeOptions<Parsed> = {},
): TurnStream<Parsed> {
  return new TurnStream((stage) => resumedSteps(stage, client, checkpoint, options));
}

/** The steps of a turn that goes on, on the stage of a stream. */
export async function* resumedSteps(
  stage: TurnStage,
  client: MessagesClient,
  untrusted: Checkpoint,
  { tools = [], toolResults, format, interrupt, rerun = false, ...turnOptions }: ResumeOptions,
): AsyncGenerator<void, Turn> {
  assertMessagesClient(client);
  const checkpoint = await readCheckpoint(untrusted);
  const { responses, spent, state, limits } = checkpoint;
  // By name: whatever else a checkpoint holds must not become an option.
  const { maxPauses, maxToolRounds, maxOutputTokens, maxDurationMs } = limits;
  const own = {
    maxPauses,
    maxToolRounds,
    maxOutputTokens: maxOutputTokens ?? undefined,
    maxDurationMs: maxDurationMs ?? undefined,
  };
  const given = Object.fromEntries(Object.entries(turnOptions).filter(([, value]) => value !== undefined));
  const options = resolveTurnOptions({ ...own, ...given });
  const handlers = handlersOf(tools);
  assertFormatOf(checkpoint, format);
  assertHandlers(checkpoint, handlers, toolResults !== undefined || interrupt !== undefined);
  const { params, phase, dropped } = goOn(checkpoint, toolResults, interrupt);
  // Results and an interruption repeat nothing.
  if (checkpoint.mayRerun && !rerun && toolResults === undefined && interrupt === undefined) {
    throw new InvalidInputError(
      'A request was sent behind this checkpoint, so its code or handlers may run a second time. Pass rerun: true if that does no harm.',
    );
  }
  stage.begin(options, state);
  const notice = callsDroppedNotice(dropped);
  if (notice) stage.emit({ type: 'notice', notice });
  return yield* turnLoop(turnRun(stage, client, { handlers, parse: parserOf(format) }, options), {
    params,
    responses,
    spent,
    phase,
    container: state.container,
  });
}

/** @throws {InvalidInputError} naming the tool that has no handler. */
function assertHandlers(
  { phase, responses, runnableTools }: Checkpoint,
  handlers: ReadonlyMap<string, RunnableTool>,
  isAnswered: boolean,
): void {
  const waiting =
    phase === 'awaiting-tools' && !isAnswered ? toolUsesIn(responses.at(-1)?.content ?? []) : [];
  const missing = [...runnableTools, ...waiting.map(({ name }) => name)].find((name) => !handlers.has(name));
  if (missing === undefined) return;
  throw new InvalidInputError(
    `The turn calls the tool ${missing}, which has no handler here: pass it in tools` +
      (phase === 'awaiting-tools' ? ', or the results of all waiting calls in toolResults.' : '.'),
  );
}

/** @throws {InvalidInputError} for what is no format, and for one that nobody told Claude of. */
function assertFormatOf({ params }: Checkpoint, format: unknown): void {
  assertFormat(format, 'options.format');
  if (!format || params.output_config?.format) return;
  throw new InvalidInputError(
    'A format was given, and this turn was begun without output_config.format: its answer is plain text.',
  );
}

/** What is sent next, or waits for its handlers. */
function goOn(
  { params: rest, messages, container, phase, responses }: Checkpoint,
  toolResults: readonly ToolResultBlockParam[] | undefined,
  interrupt: MessageParam['content'] | undefined,
): {
  readonly params: RequestParams;
  readonly phase: Checkpoint['phase'];
  readonly dropped: readonly string[];
} {
  const params = {
    ...rest,
    messages: [...messages],
    ...(container === null ? {} : { container }),
  } as RequestParams;
  if (interrupt !== undefined) {
    return { ...interruptedParams(params, interrupt), phase: 'ready' };
  }
  if (toolResults === undefined) return { params, phase, dropped: [] };
  if (phase !== 'awaiting-tools') {
    throw new InvalidInputError('toolResults were given, and this turn waits for none.');
  }
  const answered = withToolResults(params, responses.at(-1)?.content ?? [], toolResults);
  return { params: answered, phase: 'ready', dropped: [] };
}
