import { quoted, reasonOf } from '../errors.ts';
import { isRecord } from './blocks.ts';
import { type ResponseWatch, STOP_DUE_MS } from './response-watch.ts';
import { SilenceTimer } from './silence-timer.ts';
import {
  invalidStream,
  isTurnBreak,
  silent,
  stopOverdue,
  TurnBreak,
  tooLarge,
  turnAborted,
} from './turn-break.ts';

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
  const { on, destroy } = source as Partial<NodeStream>;
  // Of a stream of Node an error that nobody hears, also after the reading, ends the process.
  on?.call(source, 'error', () => {});
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
      destroy?.call(source);
    },
  };
}

/** What is used of a stream of Node, which is what other people's `fetch` gives as a body. */
interface NodeStream {
  on(event: 'error', listener: () => void): unknown;
  destroy(): unknown;
}

/** The one reader of bodies, also of those whose pieces are texts or arrays of another realm. */
export function bodyReaderOf(body: Readable<Uint8Array>): Reader<Uint8Array> {
  if (!isRecord(body) || !('getReader' in body || Symbol.asyncIterator in body)) {
    throw invalidStream(`The body of the response cannot be read: it is ${quoted(body)}, and no stream.`);
  }
  const reader = readerOf(body);
  if ('getReader' in body) return reader;
  const read = async () => {
    const { done, value } = await reader.read();
    return done ? { done } : { value: bytesOf(value) };
  };
  return { ...reader, read };
}

function bytesOf(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  if (typeof piece === 'string') return new TextEncoder().encode(piece);
  if (ArrayBuffer.isView(piece)) return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
  if (piece instanceof ArrayBuffer) return new Uint8Array(piece);
  throw invalidStream(`The body of the response gave ${quoted(piece)} where bytes were due.`);
}

/** Lets go of a response that nobody reads, whichever `fetch` gave it. */
export function discard(answer: unknown): void {
  const body = isRecord(answer) ? (answer['body'] ?? answer) : undefined;
  const { cancel, destroy, controller } = (isRecord(body) ? body : {}) as Partial<
    ReadableStream & NodeStream & { readonly controller: AbortController }
  >;
  if (cancel) void cancel.call(body as ReadableStream).catch(() => {});
  else if (destroy) destroy.call(body);
  else controller?.abort();
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
  watch: ResponseWatch,
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
  const stopDue = new SilenceTimer(STOP_DUE_MS, () =>
    end(stopOverdue(String(watch.stopReason), STOP_DUE_MS)),
  );
  signal?.addEventListener('abort', abort);
  reader.signal?.addEventListener('abort', abortLater);
  try {
    for (;;) {
      if (signal?.aborted || reader.signal?.aborted) throw turnAborted(signal?.reason);
      silence.begin();
      if (watch.isEnding) stopDue.begin();
      const { done, value } = await reader.read();
      silence.end();
      if (done && (ending || reader.signal?.aborted)) throw ending ?? turnAborted();
      const failure = tried(() => take(done ? undefined : value));
      stopDue.end(watch.takeHeard());
      yield;
      if (failure) throw failure;
      if (done) return;
    }
  } catch (error) {
    throw isTurnBreak(error) ? error : (ending ?? connectionBroke(error));
  } finally {
    signal?.removeEventListener('abort', abort);
    reader.signal?.removeEventListener('abort', abortLater);
    silence.clear();
    stopDue.clear();
    reader.cancel();
  }
}

/** What came and cannot be understood is no fault of the connection. */
function tried(take: () => TurnBreak | undefined): TurnBreak | undefined {
  try {
    return take();
  } catch (error) {
    if (isTurnBreak(error)) return error;
    return invalidStream(`The response cannot be read: ${reasonOf(error)}`, error);
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
