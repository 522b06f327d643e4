import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { withResponse } from '../request/next-params.ts';
import { inFreshContainer } from '../request/uploads.ts';
import { withReply } from '../turn/append.ts';
import type { Spent, TurnLimits } from '../turn/limits.ts';
import { reduceTurn } from '../turn/reduce.ts';
import { outcomeOf, type TurnState } from '../turn/state.ts';
import type { Boundary } from '../turn/turn.ts';
import type { Message } from '../wire/blocks.ts';

/** Where a turn stands between two responses. Immutable: each step of the loop gives another one. */
export type Standing = Boundary;

/** What a response asks the loop to do next. */
export type Asks = 'pause' | 'tools';

const COUNTERS = { pause: 'pauses', tools: 'toolRounds', rerun: 'reruns' } as const;

/**
 * What is read when the turn moves on: the state of all events so far, and the time since the last reading.
 */
export interface Moment {
  readonly state: TurnState;
  readonly elapsedMs: number;
}

/** The same place, with what was used since. */
export function movedTo(standing: Standing, { state, elapsedMs }: Moment): Standing {
  const { outputTokens, durationMs, ...counts } = standing.spent;
  const spent = {
    ...counts,
    outputTokens: outputTokens + state.usage.output_tokens - standing.state.usage.output_tokens,
    durationMs: durationMs + elapsedMs,
  };
  return { ...standing, spent, state };
}

/** Another place: what is sent next has not been sent before. */
function advanced(standing: Standing, moment: Moment): Standing {
  const moved = movedTo(standing, moment);
  return { ...moved, spent: { ...moved.spent, reruns: 0 } };
}

/** After a whole response, which is sent back with the next request. */
export function afterResponse(standing: Standing, response: Message, moment: Moment): Standing {
  const { params, responses } = standing;
  return {
    ...advanced(standing, moment),
    params: withResponse(params, response),
    phase: outcomeOf(response) === 'awaiting-tools' ? 'awaiting-tools' : 'ready',
    responses: [...responses, response],
  };
}

/** After the handlers of all waiting calls. */
export function afterTools(standing: Standing, results: ToolResultBlockParam[], moment: Moment): Standing {
  const { params } = standing;
  const messages = withReply(params.messages, results);
  return { ...advanced(standing, moment), params: { ...params, messages }, phase: 'ready' };
}

/**
 * As before a response that broke off, but for what it used:
 * it was billed. Events are numbered on from before it.
 */
export function afterBreak(standing: Standing, { state, elapsedMs }: Moment): Standing {
  const { seq } = standing.state;
  const responseIndex = standing.responses.length;
  const before = reduceTurn(state, { type: 'response-repeat', responseIndex, seq });
  return movedTo(standing, { state: before, elapsedMs });
}

/** The same request in a fresh container. */
export function restarted(standing: Standing, moment: Moment): Standing {
  return { ...movedTo(standing, moment), params: inFreshContainer(standing.params) };
}

/** Counts what is about to happen, so that a resume elsewhere does not get it for free. */
export function spending(standing: Standing, asks: Asks | 'rerun'): Standing {
  const counter = COUNTERS[asks];
  return { ...standing, spent: { ...standing.spent, [counter]: standing.spent[counter] + 1 } };
}

/** The limit that forbids to send anything more, if any; `asks` is what the last response wants. */
export function reachedLimit(
  { spent }: Standing,
  limits: TurnLimits,
  asks?: Asks | 'rerun',
): keyof TurnLimits | undefined {
  const { maxPauses, maxToolRounds, maxOutputTokens, maxDurationMs, maxReruns } = limits;
  if (asks === 'rerun') return spent.reruns >= maxReruns ? 'maxReruns' : undefined;
  if (asks === 'pause' && spent.pauses >= maxPauses) return 'maxPauses';
  if (asks === 'tools' && spent.toolRounds >= maxToolRounds) return 'maxToolRounds';
  if (maxOutputTokens !== null && spent.outputTokens >= maxOutputTokens) return 'maxOutputTokens';
  if (maxDurationMs !== null && spent.durationMs >= maxDurationMs) return 'maxDurationMs';
  return undefined;
}

/**
 * Counters of a turn that is resumed after a limit. The one that was
 * reached restarts: at 1 for pauses and rounds, since resuming spends one.
 */
export function pastLimit(spent: Spent, limit: string): Spent {
  switch (limit) {
    case 'maxPauses':
      return { ...spent, pauses: 1 };
    case 'maxToolRounds':
      return { ...spent, toolRounds: 1 };
    case 'maxOutputTokens':
      return { ...spent, outputTokens: 0 };
    case 'maxReruns':
      return { ...spent, reruns: 0 };
    default:
      return { ...spent, durationMs: 0 };
  }
}
