import { Ids } from './ids.ts';
import type { Sandbox } from './sandbox/sandbox.ts';

/** A file of the Files API. */
export interface StoredFile {
  readonly id: string;
  readonly filename: string;
  readonly mimeType: string;
  readonly bytes: Uint8Array;
  readonly createdAt: Date;
  /** Only files that code produced can be downloaded. */
  readonly downloadable: boolean;
}

/** A container and what is mounted in it. */
export interface StoredContainer {
  readonly id: string;
  readonly sandbox: Sandbox;
  /** `$INPUT_DIR` of its commands. */
  readonly inputDirectory: string;
  /** Ids of the files that are in it. */
  readonly mounted: Set<string>;
  expiresAt: Date;
}

/** Everything that the emulated service remembers. */
export class Store {
  readonly ids = new Ids();
  readonly files = new Map<string, StoredFile>();
  readonly containers = new Map<string, StoredContainer>();
  readonly now: () => Date;

  constructor(now: () => Date) {
    this.now = now;
  }

  addFile(file: Pick<StoredFile, 'filename' | 'mimeType' | 'bytes' | 'downloadable'>): StoredFile {
    const stored = { ...file, id: this.ids.next('file'), createdAt: this.now() };
    this.files.set(stored.id, stored);
    return stored;
  }

  reset(): void {
    this.ids.reset();
    this.files.clear();
    this.containers.clear();
  }
}
