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
  /** Bytes came: those of this attempt so far, and the size by the metadata. */
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

/**
 * Counts, and reports to the listener. A listener that fails
 * is not called again; nothing that arrived is lost by it.
 */
export class Progress {
  readonly total: number;
  /** What the listener failed with. */
  failure: { readonly error: unknown } | undefined;
  readonly #listener: ((progress: ArtifactProgress) => unknown) | undefined;
  #arrived = 0;
  #failed = 0;

  constructor(total: number, listener: ((progress: ArtifactProgress) => unknown) | undefined) {
    this.total = total;
    this.#listener = listener;
  }

  start({ fileId, name }: Artifact, attempt: number): void {
    this.#report({ type: 'start', fileId, name, attempt });
  }

  bytes({ fileId, sizeBytes }: Artifact, receivedBytes: number): void {
    this.#report({ type: 'bytes', fileId, receivedBytes, sizeBytes });
  }

  retry({ fileId }: Artifact, attempt: number, error: unknown): void {
    this.#report({ type: 'retry', fileId, attempt, error });
  }

  wait(waitMs: number): void {
    this.#report({ type: 'wait', waitMs });
  }

  end({ fileId }: Artifact): void {
    this.#arrived++;
    this.#report({ type: 'end', fileId });
  }

  fail({ fileId }: Artifact, error: unknown): void {
    this.#failed++;
    this.#report({ type: 'failure', fileId, error });
  }

  #report(step: ArtifactStep): void {
    if (!this.#listener || this.failure) return;
    const counts = { arrived: this.#arrived, failed: this.#failed, total: this.total };
    try {
      const returned = this.#listener({ ...step, ...counts }) as PromiseLike<unknown> | undefined;
      if (typeof returned?.then === 'function') returned.then(undefined, this.#drop);
    } catch (error) {
      this.#drop(error);
    }
  }

  readonly #drop = (error: unknown): void => {
    this.failure ??= { error };
  };
}
