import { UNOBSERVED } from '../observe/observer.ts';
import { checkHistory } from '../request/check-history.ts';
import { containerData } from '../request/container.ts';
import { prepareParams, type TurnParams } from '../request/params.ts';
import { assertMessagesClient, type MessagesClient } from '../sdk/client.ts';
import { NOTHING_SPENT } from '../turn/limits.ts';
import { historyFaultsNotice } from '../turn/notices.ts';
import { initialTurnState, type Notice } from '../turn/state.ts';
import type { Turn } from '../turn/turn.ts';
import { runLoop } from './loop.ts';
import { limitsOf, resolveTurnOptions, type TurnOptions } from './options.ts';
import type { TurnPlan } from './plan.ts';
import { TurnStream } from './turn-stream.ts';

/**
 * Runs a turn and gives its events while they happen. See {@link TurnStream}. Throws nothing
 * itself: bad input and failures reject the iteration and `turn()`, as for {@link runTurn}.
 *
 * @param client the SDK's client: `new Anthropic()`, its `beta`, a clone, or a Foundry or AWS client
 * @param params what `messages.create` takes, without `stream`
 *
 * @example
 * ```ts
 * const messages = [userMessage('What is 2 ** 100?')];
 * const stream = streamTurn(client, { model, max_tokens: 32_000, messages });
 * for await (const event of stream) if (event.type === 'code-delta') process.stdout.write(event.text);
 * console.log((await stream.turn()).answer);
 * ```
 */
export function streamTurn<Parsed = null>(
  client: MessagesClient,
  params: TurnParams<Parsed>,
  options?: TurnOptions,
): TurnStream<Parsed> {
  return new TurnStream(() => planTurn(client, params, options));
}

/**
 * How a turn is run, with notices to begin with.
 *
 * @throws {InvalidInputError} naming what is missing or wrong.
 */
export function planTurn(
  client: MessagesClient,
  params: TurnParams,
  options?: TurnOptions,
  notices: readonly Notice[] = [],
): TurnPlan {
  assertMessagesClient(client);
  const resolved = resolveTurnOptions(options);
  const prepared = prepareParams(params, resolved);
  const state = initialTurnState();
  const standing = {
    params: prepared.params,
    phase: 'ready' as const,
    responses: [],
    spent: NOTHING_SPENT,
    state,
  };
  const run = {
    client,
    options: resolved,
    limits: limitsOf(resolved),
    handlers: prepared.handlers,
    parse: prepared.parse,
    observer: UNOBSERVED,
  };
  const faults = checkHistory(prepared.params.messages, params).findings.map(({ message }) => message);
  const all = faults.length > 0 ? [...notices, historyFaultsNotice(faults)] : notices;
  const events = all.map((notice) => ({ type: 'notice' as const, notice }));
  const start = { standing, named: containerData(params.container), isRerun: false, events };
  return { client, options: resolved, state, steps: (stage) => runLoop({ ...run, ...stage }, start) };
}

/**
 * Runs a turn to its end, over as many responses as `pause_turn` takes. Streams
 * on the wire, so that code that runs for minutes meets no request timeout.
 *
 * Code that fails is data (`turn.executions`), an exchange that fails is thrown.
 *
 * @throws {InvalidInputError} for bad input, before any request.
 * @throws {TurnInterruptedError} when the exchange broke, with everything received.
 * @throws {TurnLimitError} when a limit of the options was reached, with the turn so far.
 * @throws the SDK's own errors when the first request is refused.
 *
 * @example
 * ```ts
 * const messages = [userMessage('What is 2 ** 100?')];
 * const turn = await runTurn(client, { model, max_tokens: 32_000, messages });
 * console.log(turn.outcome, turn.answer, turn.executions.length);
 * ```
 */
export async function runTurn<Parsed = null>(
  client: MessagesClient,
  params: TurnParams<Parsed>,
  options?: TurnOptions,
): Promise<Turn<Parsed>> {
  return streamTurn(client, params, options).turn();
}
