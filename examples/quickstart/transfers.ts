import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import type { ArtifactProgress } from 'code-execution-kit';
import type { UploadProgress } from 'code-execution-kit/node';
import { printableName } from './terminal.ts';

/** Shows files on their way. */
interface TransferView {
  /** For `onProgress` of an upload. */
  readonly upload: (name: string) => (progress: UploadProgress) => void;
  /** For `onProgress` of `saveArtifacts`. */
  readonly download: (progress: ArtifactProgress) => void;
  readonly close: () => void;
}

/**
 * Shows what `move` moves: a bar for each file in a terminal, a
 * plain line for each that arrived where the output is piped.
 */
export async function showTransfers<Moved>(
  stream: NodeJS.WriteStream,
  move: (view: TransferView) => Promise<Moved>,
): Promise<Moved> {
  const view = stream.isTTY ? new Bars(stream) : new Lines((text) => void stream.write(`${text}\n`));
  try {
    return await move(view);
  } finally {
    // Else the cursor stays hidden.
    view.close();
  }
}

const UP = '↑';
const DOWN = '↓';

class Bars implements TransferView {
  readonly #bars: MultiBar;
  readonly #open = new Map<string, SingleBar>();

  constructor(stream: NodeJS.WriteStream) {
    // With a long name and a note it fits into 80 columns.
    const format = '  {sign} [{bar}] {percentage}% {name} {note}';
    this.#bars = new MultiBar({ stream, format, barsize: 20, hideCursor: true }, Presets.rect);
  }

  readonly upload = (name: string) => {
    const bar = this.#bars.create(1, 0, { sign: UP, name: shortened(name), note: '' });
    return ({ bytes, total }: UploadProgress) => {
      // Of a stream of unknown size, what came is all there is to tell.
      bar.setTotal(total ?? bytes);
      bar.update(bytes);
    };
  };

  readonly download = (progress: ArtifactProgress): void => {
    if (progress.type === 'wait') {
      for (const bar of this.#open.values()) bar.update({ note: `waits ${progress.waitMs} ms` });
      return;
    }
    const { fileId } = progress;
    const bar = this.#open.get(fileId) ?? this.#begin(fileId);
    if (progress.type === 'start') bar.update(0, { name: shortened(progress.name ?? fileId) });
    else if (progress.type === 'bytes') {
      bar.setTotal(progress.sizeBytes ?? progress.receivedBytes);
      bar.update(progress.receivedBytes, { note: '' });
    } else if (progress.type === 'retry') bar.update({ note: `again, try ${progress.attempt}` });
    else if (progress.type === 'failure') bar.update({ note: `failed: ${reasonOf(progress.error)}` });
    // Also of an empty file, and of one that an earlier run left.
    else bar.update(bar.getTotal());
  };

  readonly close = () => this.#bars.stop();

  #begin(fileId: string): SingleBar {
    const bar = this.#bars.create(1, 0, { sign: DOWN, name: fileId, note: '' });
    this.#open.set(fileId, bar);
    return bar;
  }
}

class Lines implements TransferView {
  readonly #write: (line: string) => void;
  readonly #names = new Map<string, string>();
  readonly #sizes = new Map<string, number>();

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  readonly upload =
    (name: string) =>
    ({ bytes, total }: UploadProgress): void => {
      if (bytes === total) this.#write(`  ${UP} ${printableName(name)}, ${bytes} bytes`);
    };

  readonly download = (progress: ArtifactProgress): void => {
    if (progress.type === 'wait') {
      this.#write(`  ${DOWN} waits ${progress.waitMs} ms`);
      return;
    }
    const { fileId } = progress;
    const name = this.#names.get(fileId) ?? fileId;
    if (progress.type === 'start') this.#names.set(fileId, printableName(progress.name ?? fileId));
    else if (progress.type === 'bytes') this.#sizes.set(fileId, progress.receivedBytes);
    else if (progress.type === 'retry') this.#write(`  ${DOWN} ${name}, again, try ${progress.attempt}`);
    else if (progress.type === 'failure')
      this.#write(`  ${DOWN} ${name}, failed: ${reasonOf(progress.error)}`);
    else if (!this.#names.has(fileId)) this.#write(`  ${DOWN} ${name}, here already`);
    else this.#write(`  ${DOWN} ${name}, ${this.#sizes.get(fileId) ?? 0} bytes`);
  };

  readonly close = () => {};
}

function shortened(name: string): string {
  const characters = [...printableName(name)];
  return characters.length > 30 ? `${characters.slice(0, 29).join('')}…` : characters.join('');
}

const reasonOf = (error: unknown) => printableName(error instanceof Error ? error.message : String(error));
