import { containerData } from '../request/container.ts';
import { prepareParams, type TurnParams } from '../request/params.ts';
import { assertMessagesClient, type MessagesClient } from '../sdk/client.ts';
import { initialTurnState, type Turn } from '../turn/state.ts';
import { NOTHING_SPENT } from './limits.ts';
import { turnLoop } from './loop.ts';
import { resolveTurnOptions, type TurnOptions } from './options.ts';
import { turnRun } from './turn-context.ts';
import { type TurnStage, TurnStream } from './turn-stream.ts';

/**
 * Runs a turn and gives its events while they happen. See {@link TurnStream}. Throws nothing itself: bad input and
 * failures come to whoever takes the events or awaits `turn()`, as for {@link runTurn}.
 *
 * @param client the SDK's client: `new Anthropic()`, its `beta`, a clone, or a Foundry or AWS client
 * @param params what `messages.create` takes, without `stream`
 *
 * @example
 * ```ts
 * const stream = streamTurn(client, { model, max_tokens: 32_000, messages: [userMessage('What is 2 ** 100?')] });
 * for await (const event of stream) if (event.type === 'code-delta') process.stdout.write(event.text);
 * console.log((await stream.turn()).answer);
 * ```
 */
export function streamTurn<Parsed = null>(
  client: MessagesClient,
  params: TurnParams<Parsed>,
  options?: TurnOptions,
): TurnStream<Parsed> {
  return new TurnStream((stage) => turnSteps(stage, client, params, options));
}

/** The steps of a turn, on the stage of a stream. */
export function turnSteps(
  stage: TurnStage,
  client: MessagesClient,
  params: TurnParams,
  options?: TurnOptions,
): AsyncGenerator<void, Turn> {
  assertMessagesClient(client);
  const resolved = resolveTurnOptions(options);
  const prepared = prepareParams(params, resolved);
  stage.begin(resolved, initialTurnState());
  const run = turnRun(stage, client, prepared, resolved);
  return turnLoop(run, {
    params: prepared.params,
    responses: [],
    spent: NOTHING_SPENT,
    phase: 'ready',
    container: containerData(params.container),
  });
}

/**
 * Runs a turn to its end, over as many responses as `pause_turn` takes. Streams on the wire, so that code that runs
 * for minutes meets no request timeout.
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
 * const turn = await runTurn(client, { model, max_tokens: 32_000, messages: [userMessage('What is 2 ** 100?')] });
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
