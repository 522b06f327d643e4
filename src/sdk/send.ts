import type { RequestParams } from '../request/params.ts';
import { isRecord } from '../wire/blocks.ts';
import { untilAborted } from '../wire/until-aborted.ts';
import type { MessagesClient } from './client.ts';

/** How one POST is sent. */
export interface SendOptions {
  /** Tries after the first, for failures that show that nothing ran. */
  readonly retries: number;
  readonly signal: AbortSignal;
  /** The SDK's `RequestOptions` of the caller. */
  readonly request: Readonly<Record<string, unknown>>;
}

/** A caller who is told to wait longer is told so, instead of waiting without a word. */
export const LONGEST_DELAY_MS = 60_000;

/** Statuses that the API answers with before it starts anything. */
const NOTHING_RAN = new Set([429, 503, 529]);
/** Failures of making a connection, in Node, Bun and Deno: no byte of the request left. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'ConnectionRefused',
  'FailedToOpenSocket',
]);

/**
 * Sends one request that may run code and gives the streamed response once its headers are there.
 *
 * The SDK's own retries are off unless the caller sets `maxRetries`: they repeat a POST after a lost connection or a
 * 500, when code may already have run (three POSTs measured). What is retried here is only what shows that nothing
 * ran, waiting as `retry-after` says, for a minute at most.
 *
 * @throws what the SDK throws.
 */
export async function sendMessage(
  client: MessagesClient,
  params: RequestParams,
  { retries, signal, request }: SendOptions,
): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    try {
      const sent = client.messages.create({ ...params, stream: true }, { maxRetries: 0, ...request, signal });
      return await untilAborted(sent.asResponse(), signal, (late) => void late.body?.cancel());
    } catch (error) {
      if (attempt >= retries || signal.aborted || !showsThatNothingRan(error)) throw error;
      const delay = retryDelayMs(error, attempt);
      if (delay > LONGEST_DELAY_MS) throw error;
      await sleep(delay, signal);
    }
  }
}

/** Whether a POST failed before anything ran. */
export function showsThatNothingRan(error: unknown): boolean {
  if (!isRecord(error)) return false;
  if (error['headers'] instanceof Headers && error['headers'].get('x-should-retry') === 'false') return false;
  if (typeof error['status'] === 'number') return NOTHING_RAN.has(error['status']);
  for (let cause: unknown = error; isRecord(cause); cause = cause['cause']) {
    if (NEVER_CONNECTED.has(String(cause['code']))) return true;
  }
  return false;
}

/** `retry-after-ms`, `retry-after` in seconds or as a date; else half a second, doubled with each try. */
export function retryDelayMs(error: unknown, attempt: number): number {
  const headers = isRecord(error) ? error['headers'] : undefined;
  if (headers instanceof Headers) {
    const milliseconds = Number(headers.get('retry-after-ms') ?? Number.NaN);
    if (milliseconds >= 0) return milliseconds;
    const after = headers.get('retry-after');
    if (after !== null) {
      const seconds = Number(after);
      const wait = Number.isNaN(seconds) ? Date.parse(after) - Date.now() : seconds * 1000;
      if (wait >= 0) return wait;
    }
  }
  return 500 * 2 ** attempt;
}

/** @throws the signal's reason. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(
      () => {
        signal.removeEventListener('abort', stop);
        resolve();
      },
      Math.min(milliseconds, 2 ** 31 - 1),
    );
    signal.addEventListener('abort', stop, { once: true });
  });
}
