import type { Artifact } from '../../turn/artifact.ts';

/** One step of `pipeArtifacts` or `saveArtifacts`. Plain data, but for `error`. */
export type ArtifactProgress = ArtifactStep & {
  /** Artifacts of this run that arrived, that failed, and all of them. */
  readonly arrived: number;
  readonly failed: number;
  readonly total: number;
};

type ArtifactStep =
  /** A download begins; `attempt` is 1 for the first. */
  | {
      readonly type: 'start';
      readonly fileId: string;
      readonly name: string | null;
      readonly attempt: number;
    }
  /** Bytes came: those of this attempt so far, and the size that the metadata tell. */
  | {
      readonly type: 'bytes';
      readonly fileId: string;
      readonly receivedBytes: number;
      readonly sizeBytes: number | null;
    }
  /** A download was cut, and begins again. */
  | { readonly type: 'retry'; readonly fileId: string; readonly attempt: number; readonly error: unknown }
  /** Too many requests: nothing is sent for so long. */
  | { readonly type: 'wait'; readonly waitMs: number }
  /** It arrived. */
  | { readonly type: 'end'; readonly fileId: string }
  | { readonly type: 'failure'; readonly fileId: string; readonly error: unknown };

/** Counts, and tells the listener. */
export class Progress {
  readonly total: number;
  listenerFailed = false;
  listenerError: unknown;
  #listener: ((progress: ArtifactProgress) => void) | undefined;
  #arrived = 0;
  #failed = 0;

  constructor(total: number, listener: ((progress: ArtifactProgress) => void) | undefined) {
    this.total = total;
    this.#listener = listener;
  }

  start({ fileId, name }: Artifact, attempt: number): void {
    this.#tell({ type: 'start', fileId, name, attempt });
  }

  bytes({ fileId, sizeBytes }: Artifact, receivedBytes: number): void {
    this.#tell({ type: 'bytes', fileId, receivedBytes, sizeBytes });
  }

  retry({ fileId }: Artifact, attempt: number, error: unknown): void {
    this.#tell({ type: 'retry', fileId, attempt, error });
  }

  wait(waitMs: number): void {
    this.#tell({ type: 'wait', waitMs });
  }

  end({ fileId }: Artifact): void {
    this.#arrived++;
    this.#tell({ type: 'end', fileId });
  }

  failure({ fileId }: Artifact, error: unknown): void {
    this.#failed++;
    this.#tell({ type: 'failure', fileId, error });
  }

  #tell(step: ArtifactStep): void {
    const listener = this.#listener;
    if (!listener) return;
    this.hear(() => listener({ ...step, arrived: this.#arrived, failed: this.#failed, total: this.total }));
  }

  /** Calls a function of the caller's, whose failure is told at the end: nothing that arrived is lost by it. */
  hear(tell: () => unknown): void {
    try {
      const told = tell() as PromiseLike<unknown> | undefined;
      if (typeof told?.then === 'function') told.then(undefined, this.#fail);
    } catch (error) {
      this.#fail(error);
    }
  }

  readonly #fail = (error: unknown): void => {
    this.#listener = undefined;
    this.listenerFailed = true;
    this.listenerError ??= error;
  };
}
