import type { TurnObserver } from '../observe/observer.ts';
import type { MessagesClient } from '../sdk/client.ts';
import { verdictOf } from '../sdk/failures.ts';
import { retrier } from '../sdk/retry.ts';
import type { RequestParams } from '../turn/turn.ts';
import { untilAborted } from '../wire/signals.ts';

/** How one request is sent. */
export interface SendOptions {
  /** Tries after the first, for failures that show that nothing ran. */
  readonly retries: number;
  readonly signal: AbortSignal;
  /** The SDK's `RequestOptions` of the caller. */
  readonly request: object;
  readonly observer: TurnObserver;
  /** Called before each POST, and with what it fails with. */
  readonly onPost: () => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Sends one request that may run code and gives the streamed response once its headers are there.
 *
 * The SDK's own retries are off unless the caller sets `maxRetries`: they
 * repeat a POST after a lost connection or a 500, when code may already have
 * run (three POSTs measured). Only what shows that nothing ran is tried again.
 *
 * @throws what the SDK throws.
 */
export async function sendMessage(
  client: MessagesClient,
  params: RequestParams,
  { retries, signal, request, observer, onPost, onFailure }: SendOptions,
): Promise<Response> {
  const mayRetry = (error: unknown) => {
    const { mayHaveRun, passes } = verdictOf(error);
    return passes && !mayHaveRun;
  };
  const again = retrier({ retries, mayRetry, signal });
  const post = async () => {
    onPost();
    const sent = client.messages.create({ ...params, stream: true }, { maxRetries: 0, ...request, signal });
    return untilAborted(sent.asResponse(), signal, (late) => void late.body?.cancel());
  };
  for (;;) {
    try {
      return await observer.post(post);
    } catch (error) {
      onFailure(error);
      await again(error);
    }
  }
}
