import { quoted } from '../errors.ts';
import type { TurnObserver } from '../observe/observer.ts';
import type { MessagesClient } from '../sdk/client.ts';
import { verdictOf } from '../sdk/failures.ts';
import { assertNoRedirect, withoutRedirects } from '../sdk/redirects.ts';
import { retrier } from '../sdk/retry.ts';
import type { RequestParams } from '../turn/turn.ts';
import { isRecord, type WireEvent } from '../wire/blocks.ts';
import { headerOf } from '../wire/headers.ts';
import { readResponse } from '../wire/read-response.ts';
import { readSdkStream, type SdkStream } from '../wire/read-sdk-stream.ts';
import { discard, type ReadOptions } from '../wire/reader.ts';
import { type OwnSignal, untilAborted } from '../wire/signals.ts';
import { overtime, silent, TurnBreak } from '../wire/turn-break.ts';
import type { ResolvedTurnOptions } from './options.ts';

/** How one request is sent. */
export interface SendOptions
  extends Pick<ResolvedTurnOptions, 'retries' | 'request' | 'idleTimeoutMs' | 'maxResponseMs'> {
  /** Of this exchange: its limits of time end with it. */
  readonly own: OwnSignal;
  readonly observer: Pick<TurnObserver, 'inside'>;
  /** Called before each POST, and with what it fails with. */
  readonly onPost: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** The streamed answer to a request, once its headers are there. */
export interface Answer {
  readonly requestId: string | null;
  read(options: ReadOptions, onEvent: (event: WireEvent) => void): AsyncGenerator<void>;
}

/**
 * Sends one request that may run code and gives the streamed response once its headers are there.
 *
 * The SDK's own retries are off unless the caller sets `maxRetries`: they
 * repeat a POST after a lost connection or a 500, when code may already have
 * run (three POSTs measured). Only what shows that nothing ran is tried again.
 *
 * @throws {TurnBreak} for silence and for what is no stream.
 * @throws what the SDK throws.
 */
export async function sendMessage(
  client: MessagesClient,
  params: RequestParams,
  options: SendOptions,
): Promise<Answer> {
  const { retries, request, own, observer, onPost, onFailure } = options;
  const { idleTimeoutMs, maxResponseMs } = options;
  const { signal } = own;
  const mayRetry = (error: unknown) => {
    const { mayHaveRun, passes } = verdictOf(error);
    return passes && !mayHaveRun;
  };
  const again = retrier({ retries, mayRetry, signal });
  const post = async () => {
    onPost();
    const liftSilence = own.limit(idleTimeoutMs, () => silent(idleTimeoutMs));
    const liftTime = own.limit(maxResponseMs, () => overtime(maxResponseMs));
    try {
      const withDefaults = { maxRetries: 0, ...withoutRedirects(client, request), signal };
      const sent = client.messages.create({ ...params, stream: true }, withDefaults);
      const answer = isRecord(sent) && 'asResponse' in sent ? sent.asResponse() : sent;
      return answerOf(await untilAborted<unknown>(Promise.resolve(answer), signal, discard));
    } catch (error) {
      liftTime();
      throw error;
    } finally {
      liftSilence();
    }
  };
  for (;;) {
    try {
      return await observer.inside(post);
    } catch (error) {
      onFailure(error);
      await again(error);
    }
  }
}

/** By shape: a Response, or what an instrumentation's `create` gives, which is the SDK's stream. */
function answerOf(given: unknown): Answer {
  if (isRecord(given) && 'body' in given && 'headers' in given) {
    const response = given as unknown as Response;
    assertNoRedirect(response);
    return {
      requestId: headerOf(response, 'request-id'),
      read: (options, onEvent) => readResponse(response, options, onEvent),
    };
  }
  if (isRecord(given) && Symbol.asyncIterator in given) {
    const { _request_id: id } = given as { readonly _request_id?: unknown };
    const stream = given as unknown as SdkStream;
    return {
      requestId: typeof id === 'string' ? id : null,
      read: (options, onEvent) => readSdkStream(stream, options, onEvent),
    };
  }
  throw new TurnBreak(
    'not_a_stream',
    `client.messages.create gave ${quoted(given)} and neither a Response nor the SDK's stream. ` +
      'Pass the client itself, or a wrapper that gives on what its create gives.',
    { cause: given },
  );
}
