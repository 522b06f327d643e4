import { headerOf } from '../../sdk/failures.ts';
import type { Artifact } from '../../turn/artifact.ts';
import { bodyReaderOf, type Reader } from '../../wire/reader.ts';
import { ArtifactError } from '../errors.ts';
import { tooLarge } from './artifact-failure.ts';

/** What ends a body. */
export interface BodyLimits {
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the size of each piece; what it throws ends the body. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Whether a file gets Content Credentials when it is downloaded, so
 * that it is larger than the metadata say (documented Sep 2026).
 */
export function isCredentialed(mimeType: string): boolean {
  return /^(image|video|audio)\//.test(mimeType);
}

/** The length of a body in bytes, where the server sends it and the bytes come as they are. */
export function announcedLength(response: Response): number | null {
  const stated = headerOf(response, 'content-encoding') ? null : headerOf(response, 'content-length');
  return stated ? Number(stated) : null;
}

/**
 * The body of one download, which fails where it breaks, ends before its
 * length, or outgrows a limit. Read by `read()` or as a stream, once.
 */
export class ArtifactBody {
  /** Its length in bytes, where the server sends it. */
  readonly length: number | null;
  /** Why it ended before its end. */
  failure: unknown;
  receivedBytes = 0;
  /** The whole has these bytes at least, and at most. */
  readonly #least: number;
  readonly #most: number;
  #isEnded = false;
  #isCancelled = false;
  readonly #reader: Reader<Uint8Array> | undefined;
  readonly #fileId: string;
  readonly #limits: BodyLimits;

  constructor(response: Response, { fileId, mimeType, sizeBytes }: Artifact, limits: BodyLimits) {
    this.length = announcedLength(response);
    // Of an unknown type, too, what the metadata say is only the least.
    const grows = isCredentialed(mimeType ?? 'image/');
    this.#least = Math.max(this.length ?? 0, sizeBytes ?? 0);
    this.#most = this.length ?? (grows ? null : sizeBytes) ?? Number.POSITIVE_INFINITY;
    this.#reader = response.body ? bodyReaderOf(response.body) : undefined;
    this.#fileId = fileId;
    this.#limits = limits;
    // Also where a `fetch` ignores its signal.
    limits.signal?.addEventListener('abort', () => this.cancel(limits.signal?.reason));
  }

  /** Whether it ended before its end, and a second download may be whole. */
  get isCut(): boolean {
    return this.failure instanceof ArtifactError && this.failure.code === 'artifact_cut';
  }

  /** Whether all of it was read: a reader who knows its length need not ask for its end. */
  get isWhole(): boolean {
    return this.#isEnded || (this.receivedBytes >= this.#least && this.receivedBytes === this.#most);
  }

  /** The next piece; `undefined` at the end. */
  async read(): Promise<Uint8Array | undefined> {
    const { maxBytes = Number.POSITIVE_INFINITY, onBytes } = this.#limits;
    try {
      if (this.#isCancelled) throw this.failure ?? this.#cut();
      if ((this.length ?? 0) > maxBytes) throw tooLarge(this.#fileId, 'maxBytes', maxBytes);
      const piece = await this.#next();
      if (!piece) {
        if (this.#isCancelled || this.receivedBytes < this.#least) throw this.#cut();
        this.#isEnded = true;
        return undefined;
      }
      this.receivedBytes += piece.byteLength;
      if (this.receivedBytes > maxBytes) throw tooLarge(this.#fileId, 'maxBytes', maxBytes);
      if (this.receivedBytes > this.#most) throw this.#cut();
      onBytes?.(piece.byteLength);
      return piece;
    } catch (error) {
      this.failure ??= error;
      this.cancel(error);
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
      // Nothing is read ahead: what counts as received is what was taken.
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
  cancel(reason?: unknown): void {
    if (!this.#isEnded) this.#isCancelled = true;
    this.#reader?.cancel(reason);
  }

  async #next(): Promise<Uint8Array | undefined> {
    const { signal } = this.#limits;
    try {
      const result = await this.#reader?.read();
      signal?.throwIfAborted();
      return result?.done ? undefined : result?.value;
    } catch (cause) {
      signal?.throwIfAborted();
      throw isAbort(cause) ? cause : this.#cut(cause);
    }
  }

  #cut(cause?: unknown): ArtifactError {
    const whole = this.receivedBytes > this.#most ? this.#most : this.#least;
    const of = whole === 0 ? '' : ` of ${whole}`;
    const message = `The download of ${this.#fileId} ended after ${this.receivedBytes}${of} bytes. Download it again.`;
    return new ArtifactError(message, { code: 'artifact_cut', retryable: true, cause });
  }
}

/** A transform of workerd whose readable side has a length that storage and `Response` can see. */
type FixedLength = new (length: number) => TransformStream<Uint8Array, Uint8Array>;

function isAbort(error: unknown): boolean {
  const name = (error as { readonly name?: unknown } | null)?.name;
  return name === 'AbortError' || name === 'TimeoutError';
}
