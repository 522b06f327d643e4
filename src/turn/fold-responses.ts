import type { Message, WireEvent } from '../wire/blocks.ts';
import type { TurnEvent } from './events.ts';
import { TurnFold } from './fold.ts';
import { initialTurnState, outcomeOf, type TurnState } from './state.ts';
import { TurnTranslator } from './translate.ts';

/** The same for each response: what was asked for is not known. */
const UNKNOWN_REQUEST = () => undefined;

/**
 * The state that whole responses make, the same as their events would, but without times: they are `null`.
 *
 * @param requested the container id in the request of a response, `null` for none, where that is known
 */
export function foldResponses(
  responses: readonly Message[],
  state: TurnState = initialTurnState(),
  requested: (state: TurnState) => string | null | undefined = UNKNOWN_REQUEST,
): TurnState {
  const fold = new TurnFold(state);
  let { seq } = state;
  const emit = (event: object) => fold.push({ ...event, seq: ++seq } as TurnEvent);
  const translator = new TurnTranslator(emit, state);
  const first = (state.exchanges.findLast(({ interrupted }) => !interrupted)?.responseIndex ?? -1) + 1;
  for (const [index, message] of responses.entries()) {
    const responseIndex = first + index;
    const requestedContainer = requested(fold.state);
    translator.beginResponse({ responseIndex, requestedContainer, startedAt: null });
    translator.push({ type: 'message_start', message });
    translator.push({ type: 'message_stop' } as WireEvent);
    if (outcomeOf(message) === 'paused') emit({ type: 'pause', responseIndex });
  }
  return fold.state;
}
