import type { MessageParam, ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { InvalidInputError } from '../errors.ts';
import { UNOBSERVED } from '../observe/observer.ts';
import { interruptedParams, withToolResults } from '../request/next-params.ts';
import { assertFormat, type OutputFormat, parserOf } from '../request/output-format.ts';
import { handlersOf, type RunnableTool } from '../request/runnable-tools.ts';
import { assertMessagesClient, type MessagesClient } from '../sdk/client.ts';
import { boundaryOf } from '../turn/checkpoint.ts';
import type { UnnumberedEvent } from '../turn/events.ts';
import { type McpServer, withServers } from '../turn/mcp-servers.ts';
import { callsDroppedNotice } from '../turn/notices.ts';
import type { Boundary, Checkpoint } from '../turn/turn.ts';
import { toolUsesIn } from '../wire/blocks.ts';
import { readCheckpoint } from './checkpoint.ts';
import { runLoop } from './loop.ts';
import { limitsOf, resolveTurnOptions, type TurnOptions } from './options.ts';
import type { TurnPlan } from './plan.ts';
import { TurnStream } from './turn-stream.ts';

/** Options of {@link resumeTurn}: those of a turn, and what is needed to go on. */
export interface ResumeOptions<Parsed = unknown> extends TurnOptions {
  /** The handlers of the turn's runnable tools; their definitions are in the checkpoint. */
  readonly tools?: readonly RunnableTool[] | undefined;
  /** Results for the calls that the turn waits for, instead of handlers. */
  readonly toolResults?: readonly ToolResultBlockParam[] | undefined;
  /**
   * The turn's `output_config.format`, to read the answer with; what
   * is sent is in the checkpoint. Without it `parsed` is `null`.
   */
  readonly format?: OutputFormat<Parsed> | null | undefined;
  /**
   * A user message to send instead of going on. Calls without a result are dropped, and a notice names them.
   */
  readonly interrupt?: MessageParam['content'] | undefined;
  /**
   * The turn's `mcp_servers`, sent in the place of those in the checkpoint, which holds no
   * `authorization_token`. Needed where one was sent; the same names and URLs, with any tokens.
   */
  readonly mcpServers?: readonly McpServer[] | undefined;
  /** Allow code or a handler to run twice: the checkpoint says that something was sent, or run, after it. */
  readonly rerun?: boolean | undefined;
}

/**
 * Goes on with an unfinished turn, also in another process: the same conversation, container and
 * counters. Events are numbered on. Limits are those of the checkpoint where the options name none.
 *
 * Where something was sent after the checkpoint, the first event is a `response-repeat`:
 * folded onto the events of the process before, it takes back what came after the checkpoint.
 *
 * Bad input, such as a checkpoint that is damaged or a handler that is missing, rejects
 * the first `next()` or `turn()` with an `InvalidInputError`, before any request.
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
  return new TurnStream(() => planResume(client, checkpoint, options));
}

/** How an unfinished turn is run on. */
export async function planResume(
  client: MessagesClient,
  untrusted: Checkpoint,
  { tools = [], toolResults, format, interrupt, mcpServers, rerun = false, ...turnOptions }: ResumeOptions,
): Promise<TurnPlan> {
  assertMessagesClient(client);
  const checkpoint = await readCheckpoint(untrusted);
  const { mayRerun } = checkpoint;
  const options = resolveTurnOptions(turnOptions);
  const handlers = handlersOf(tools);
  assertFormatOf(checkpoint, format);
  // Results and an interruption repeat nothing.
  const isAnswered = toolResults !== undefined || interrupt !== undefined;
  assertHandlers(checkpoint, handlers, isAnswered);
  const { mcpServers: named = [], params } = checkpoint;
  const complete = { ...checkpoint, params: withServers(params, named, mcpServers) };
  const { standing, dropped } = goOn(complete, toolResults, interrupt);
  if (mayRerun && !rerun && !isAnswered) {
    throw new InvalidInputError(
      'A request was sent after this checkpoint, so its code or handlers may run a second time. Pass rerun: true if that does no harm.',
    );
  }
  const { state } = standing;
  const notice = callsDroppedNotice(dropped, standing.responses.length);
  const events: UnnumberedEvent[] = [
    ...(mayRerun ? [repeatFrom(standing)] : []),
    ...(notice ? [{ type: 'notice' as const, notice }] : []),
  ];
  const run = {
    client,
    options,
    limits: limitsOf(options, checkpoint.limits),
    handlers,
    parse: parserOf(format),
    observer: UNOBSERVED,
  };
  const start = { standing, named: state.container, isRerun: mayRerun && !isAnswered, events };
  return { client, options, state, steps: (stage) => runLoop({ ...run, ...stage }, start) };
}

/** Takes back what another process did after the checkpoint, for readers who follow its events, too. */
function repeatFrom({ responses, state }: Boundary): UnnumberedEvent {
  return {
    type: 'response-repeat',
    responseIndex: responses.length,
    exchangeCount: state.exchanges.length,
    noticeCount: state.notices.length,
  };
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

/** @throws {InvalidInputError} for what is no format, and for one that was not in the request. */
function assertFormatOf({ params }: Checkpoint, format: unknown): void {
  assertFormat(format, 'options.format');
  if (!format || params.output_config?.format) return;
  throw new InvalidInputError(
    'A format was given, and this turn was begun without output_config.format: its answer is plain text.',
  );
}

/** Where the turn goes on, and the calls that are dropped for an interruption. */
function goOn(
  checkpoint: Checkpoint,
  toolResults: readonly ToolResultBlockParam[] | undefined,
  interrupt: MessageParam['content'] | undefined,
): { readonly standing: Boundary; readonly dropped: readonly string[] } {
  const boundary = boundaryOf(checkpoint);
  // Another request than the one that was sent.
  const answered = { ...boundary, phase: 'ready' as const, spent: { ...boundary.spent, reruns: 0 } };
  if (interrupt !== undefined) {
    const { params, dropped } = interruptedParams(boundary.params, interrupt);
    return { standing: { ...answered, params }, dropped };
  }
  if (toolResults === undefined) return { standing: boundary, dropped: [] };
  if (boundary.phase !== 'awaiting-tools') {
    throw new InvalidInputError('toolResults were given, and this turn waits for none.');
  }
  const content = boundary.responses.at(-1)?.content ?? [];
  const params = withToolResults(boundary.params, content, toolResults);
  return { standing: { ...answered, params }, dropped: [] };
}
