import { typed } from '../errors.ts';
import {
  assertRelay,
  detachedResponse,
  liveResponse,
  type RelayedTurn,
  type ToResponseOptions,
} from './relay-turn.ts';

/**
 * The events of a turn as server-sent events, one JSON each, for `readEvents` or an `EventSource`.
 * The turn begins at once. Every response ends with `turn-end` or `turn-error`, whatever fails.
 *
 * A reader that leaves ends the turn, or with `onDisconnect: 'finish'` lets it run on. A slow
 * reader slows the turn. With a store each event has its offset as `id`.
 *
 * @throws {InvalidInputError} for a store without a key, and for options of wrong form.
 *
 * @example
 * ```ts
 * export async function POST(request: Request) {
 *   const { question } = await request.json();
 *   const stream = streamTurn(client, { ...defaults, messages: [userMessage(question)] });
 *   return toResponse(stream, { onTurn: (turn) => save(turn) });
 * }
 * ```
 */
export function toResponse<Parsed>(
  stream: RelayedTurn<Parsed>,
  options: ToResponseOptions<Parsed> = {},
): Response {
  return typed('toResponse', () => {
    assertRelay(stream, options);
    const { onDisconnect, store } = options;
    const isDetached = store !== undefined && onDisconnect === 'finish';
    return isDetached ? detachedResponse(stream, { ...options, store }) : liveResponse(stream, options);
  });
}
