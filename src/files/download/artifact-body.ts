import { ArtifactError } from '../../errors.ts';
import { tooLarge } from './artifact-failure.ts';

/** What a body is checked against. */
export interface BodyChecks {
  readonly fileId: string;
  readonly mimeType: string | null;
  /** The size that the metadata tell. */
  readonly sizeBytes: number | null;
  readonly maxBytes?: number | undefined;
  /** Ends the body, also one of a `fetch` that ignores its signal. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the size of each piece; what it throws ends the body. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Gets Content Credentials when it is downloaded, so that it is larger than the metadata say (documented Sep 2026). */
const CREDENTIALED = /^(image|video|audio)\//;

/**
 * The body of one download, which fails where it breaks, ends before its length, or outgrows a limit. Read by `read()` or as a
 * stream, once.
 */
export class ArtifactBody {
  /** Its length in bytes, where the server tells it. */
  readonly length: number | null;
  /** Why it ended before its end. */
  failure: unknown;
  receivedBytes = 0;
  /** The whole has these bytes at least, and at most. */
  readonly #least: number;
  readonly #most: number;
  #isEnded = false;
  #isCancelled = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #checks: BodyChecks;
  readonly #abort = () => void this.cancel(this.#checks.signal?.reason);

  constructor(response: Response | null, checks: BodyChecks) {
    const told = response?.headers.get('content-encoding') ? null : response?.headers.get('content-length');
    this.length = told ? Number(told) : null;
    // Of an unknown type, too, what the metadata say is only the least.
    const grows = CREDENTIALED.test(checks.mimeType ?? 'image/');
    this.#least = Math.max(this.length ?? 0, checks.sizeBytes ?? 0);
    this.#most = this.length ?? (grows ? null : checks.sizeBytes) ?? Number.POSITIVE_INFINITY;
    this.#reader = response?.body?.getReader();
    this.#checks = checks;
    checks.signal?.addEventListener('abort', this.#abort);
  }

  /** Whether it ended before its end, and a second download may be whole. */
  get isCut(): boolean {
    return (this.failure as { readonly code?: unknown } | undefined)?.code === 'artifact_cut';
  }

  /** Whether all of it was read: whoever knows its length need not ask for its end. */
  get isWhole(): boolean {
    return this.#isEnded || (this.receivedBytes >= this.#least && this.receivedBytes === this.#most);
  }

  /** The next piece; `undefined` at the end. */
  async read(): Promise<Uint8Array | undefined> {
    const { fileId, maxBytes = Number.POSITIVE_INFINITY, onBytes, signal } = this.#checks;
    try {
      if (this.#isCancelled) throw this.failure ?? this.#cut();
      if ((this.length ?? 0) > maxBytes) throw tooLarge(fileId, 'maxBytes', maxBytes);
      let value: Uint8Array | undefined;
      try {
        value = (await this.#reader?.read())?.value;
      } catch (cause) {
        throw isAbort(cause) ? cause : this.#cut(cause);
      }
      signal?.throwIfAborted();
      if (!value) {
        if (this.#isCancelled || this.receivedBytes < this.#least) throw this.#cut();
        this.#isEnded = true;
        signal?.removeEventListener('abort', this.#abort);
        return undefined;
      }
      this.receivedBytes += value.byteLength;
      if (this.receivedBytes > maxBytes) throw tooLarge(fileId, 'maxBytes', maxBytes);
      if (this.receivedBytes > this.#most) throw this.#cut();
      onBytes?.(value.byteLength);
      return value;
    } catch (error) {
      this.failure ??= error;
      void this.cancel(error);
      throw error;
    }
  }

  /** The rest as a stream, with a known length where the runtime has such streams: R2 takes no others. */
  stream(): ReadableStream<Uint8Array> {
    const stream = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const piece = await this.read();
          if (piece) controller.enqueue(piece);
          else controller.close();
        },
        cancel: (reason) => this.cancel(reason),
      },
      // Nothing is read ahead: what was received is what somebody took.
      { highWaterMark: 0 },
    );
    const { FixedLengthStream } = globalThis as { readonly FixedLengthStream?: FixedLength };
    return FixedLengthStream && this.length !== null
      ? stream.pipeThrough(new FixedLengthStream(this.length))
      : stream;
  }

  /** All of it, in one array. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array[] = [];
    for (let piece = await this.read(); piece; piece = await this.read()) pieces.push(piece);
    const whole = new Uint8Array(this.receivedBytes);
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.byteLength;
    }
    return whole;
  }

  /** Ends the download. It can be called at any time. */
  async cancel(reason?: unknown): Promise<void> {
    if (!this.#isEnded) this.#isCancelled = true;
    this.#checks.signal?.removeEventListener('abort', this.#abort);
    await this.#reader?.cancel(reason).catch(() => {});
  }

  #cut(cause?: unknown): ArtifactError {
    const { fileId } = this.#checks;
    const whole = this.receivedBytes > this.#most ? this.#most : this.#least;
    const of = whole === 0 ? '' : ` of ${whole}`;
    const message = `The download of ${fileId} ended after ${this.receivedBytes}${of} bytes. Download it again.`;
    return new ArtifactError(message, { code: 'artifact_cut', retryable: true, cause });
  }
}

/** A transform of workerd whose readable side has a length that storage and `Response` can see. */
type FixedLength = new (length: number) => TransformStream<Uint8Array, Uint8Array>;

function isAbort(error: unknown): boolean {
  const name = (error as { readonly name?: unknown } | null)?.name;
  return name === 'AbortError' || name === 'TimeoutError';
}
