import { reasonOf } from '../errors.ts';
import { SilenceTimer } from './silence-timer.ts';
import { silent, TurnBreak, tooLarge, turnAborted } from './turn-break.ts';

/** Anything that is read piece by piece, in one form. */
export interface Reader<Piece> {
  /** The next piece; `done` at the end. */
  read(): Promise<{ readonly done?: boolean | undefined; readonly value?: Piece | undefined }>;
  /** Frees what is read. A read that waits is done at once, unless its piece is there already. */
  cancel(reason?: unknown): void;
  /** Aborts when the source ends itself, where it has such a signal. */
  readonly signal?: AbortSignal | undefined;
}

/** A body or a stream: those of web APIs, and whatever can be iterated, such as a stream of Node. */
export type Readable<Piece> = ReadableStream<Piece> | AsyncIterable<Piece>;

/** By its reader where it has one: not every browser can iterate a stream. */
export function readerOf<Piece>(source: Readable<Piece>): Reader<Piece> {
  if ('getReader' in source) {
    const reader = source.getReader();
    return { read: () => reader.read(), cancel: (reason) => void reader.cancel(reason).catch(() => {}) };
  }
  const iterator = source[Symbol.asyncIterator]();
  let leave = () => {};
  return {
    read: () =>
      new Promise((resolve, reject) => {
        leave = () => resolve({ done: true });
        iterator.next().then(resolve, reject);
      }),
    // An iterator that waits returns only after its piece, which may never come.
    cancel: () => {
      leave();
      iterator.return?.()?.then?.(undefined, () => {});
    },
  };
}

/** Limits of reading one response. */
export interface ReadOptions {
  /** Ends the reading with code `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Longest silence, in milliseconds; any byte counts, pings too. */
  readonly idleTimeoutMs: number;
  /** Largest single event, in characters. */
  readonly maxEventBytes: number;
  /** What may still come, in bytes; counted down over all responses of a turn. */
  readonly budget: { bytesLeft: number; readonly maxBytes: number };
}

/**
 * Reads to the end, and yields after each piece, so that a slow consumer holds the sender back instead of
 * filling memory. `take` gets each piece, and `undefined` at the end; what it returns ends the reading.
 *
 * @throws {TurnBreak} when the source breaks or is silent for too
 * long, and when `signal` aborts, even where the source ignores that.
 */
export async function* readPieces<Piece>(
  reader: Reader<Piece>,
  { signal, idleTimeoutMs }: ReadOptions,
  take: (piece: Piece | undefined) => TurnBreak | undefined,
): AsyncGenerator<void> {
  let ending: TurnBreak | undefined;
  const end = (why: TurnBreak) => {
    ending ??= why;
    reader.cancel();
  };
  const abort = () => end(turnAborted(signal?.reason));
  // A source that fails may end itself right before it throws, and what it throws says more.
  const abortLater = () => setTimeout(abort);
  const silence = new SilenceTimer(idleTimeoutMs, () => end(silent(idleTimeoutMs)));
  signal?.addEventListener('abort', abort);
  reader.signal?.addEventListener('abort', abortLater);
  try {
    for (;;) {
      if (signal?.aborted || reader.signal?.aborted) throw turnAborted(signal?.reason);
      silence.begin();
      const { done, value } = await reader.read();
      silence.end();
      if (done && (ending || reader.signal?.aborted)) throw ending ?? turnAborted();
      const failure = take(done ? undefined : value);
      yield;
      if (failure) throw failure;
      if (done) return;
    }
  } catch (error) {
    throw error instanceof TurnBreak ? error : (ending ?? connectionBroke(error));
  } finally {
    signal?.removeEventListener('abort', abort);
    reader.signal?.removeEventListener('abort', abortLater);
    silence.clear();
    reader.cancel();
  }
}

/** Counts what came against what a turn may have. */
export function spendBytes(budget: ReadOptions['budget'], bytes: number): TurnBreak | undefined {
  budget.bytesLeft -= bytes;
  if (budget.bytesLeft >= 0) return undefined;
  return tooLarge(`The responses of this turn are larger than ${budget.maxBytes} bytes`, 'maxTurnBytes');
}

export function eventTooLarge(maxEventBytes: number, cause?: unknown): TurnBreak {
  return tooLarge(
    `One event of the response is larger than ${maxEventBytes} characters`,
    'maxEventBytes',
    cause,
  );
}

function connectionBroke(cause: unknown): TurnBreak {
  const message = `The connection broke while the response was arriving (${reasonOf(cause)}).`;
  return new TurnBreak('stream_cut', message, { cause });
}
