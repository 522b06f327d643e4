import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import * as z from 'zod/v4-mini';
import { kill } from './bubblewrap.ts';
import {
  callOf,
  cellPath,
  type SandboxCommand,
  type SandboxResult,
  type SentCall,
  timeoutText,
} from './sandbox.ts';

/** Time that a cell has to end by itself after it was asked to. */
const GRACE_MS = 2000;

interface Settings {
  readonly timeoutMs: number;
  /** Characters of what a cell prints that are kept. */
  readonly maxPrinted: number;
  /** Reads a file of the sandbox; nothing when it is not there. */
  readonly readText: (path: string) => Promise<string>;
}

/** A line of the driver: calls that the code waits for, or its end. */
type Line = { readonly calls: readonly SentCall[] } | SandboxResult;

const line = z.union([
  z.object({ calls: z.array(z.object({ name: z.string(), text: z.string() })).check(z.minLength(1)) }),
  z.object({ returnCode: z.int(), stdout: z.string(), stderr: z.string() }),
]);

/**
 * An interpreter that runs one cell after the other. It ends
 * with a cell that ends it, and a fresh one is needed then.
 */
export class PythonProcess {
  readonly #child: ChildProcess;
  readonly #settings: Settings;
  #text = '';
  #isBusy = false;
  #isAlive = true;
  #isLate = false;
  #returnCode = 137;
  #take: (line: Line | undefined) => void = () => {};

  constructor(child: ChildProcess, settings: Settings) {
    this.#child = child;
    this.#settings = settings;
    const [jobs, answers] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
    answers.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    jobs.on('error', () => {});
    child.once('error', () => this.#closed(127));
    child.once('close', (code) => this.#closed(code ?? 137));
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Runs a cell. While it waits for its tools the interpreter does, too. */
  async run({ id, env, tools, signal }: SandboxCommand): Promise<SandboxResult> {
    const { timeoutMs, maxPrinted } = this.#settings;
    const [stdout, stderr] = [`/var/lib/cells/${id}.out`, `/var/lib/cells/${id}.err`];
    const stop = () => this.end();
    signal.addEventListener('abort', stop, { once: true });
    this.#isBusy = true;
    try {
      if (signal.aborted) stop();
      let said = await this.#ask({
        cell: cellPath(id),
        env,
        tools: tools.names,
        stdout,
        stderr,
        maxOutput: maxPrinted,
        timeoutSeconds: timeoutMs / 1000,
        timeoutText: timeoutText(timeoutMs),
      });
      while (said && 'calls' in said) {
        if (said.calls.some(({ name }) => !tools.names.includes(name))) {
          this.end();
          break;
        }
        said = await this.#ask({ replies: await tools.call(said.calls.map(callOf)) });
      }
      if (said && 'returnCode' in said) return said;
      // The cell took the interpreter with it, or was too late; what it printed is still there.
      const { readText } = this.#settings;
      const status = this.#isLate ? `${timeoutText(timeoutMs)}\n` : '';
      const [printed, errors] = [await readText(stdout), await readText(stderr)];
      return { stdout: printed, stderr: errors + status, returnCode: this.#returnCode };
    } finally {
      this.#isBusy = false;
      signal.removeEventListener('abort', stop);
    }
  }

  end(): void {
    kill(this.#child);
  }

  /** Sends a line and waits for the next one; `undefined` when the interpreter ended. */
  #ask(message: object): Promise<Line | undefined> {
    if (!this.#isAlive) return Promise.resolve(undefined);
    // Python ends a cell by itself, unless it is busy in a library.
    const timer = setTimeout(() => {
      this.#isLate = true;
      this.end();
    }, this.#settings.timeoutMs + GRACE_MS);
    return new Promise<Line | undefined>((resolve) => {
      this.#take = resolve;
      (this.#child.stdio[3] as Writable).write(`${JSON.stringify(message)}\n`);
    }).finally(() => clearTimeout(timer));
  }

  #read(piece: string): void {
    this.#text += piece;
    const end = this.#text.indexOf('\n');
    if (end < 0) return;
    const text = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    try {
      this.#take(line.parse(JSON.parse(text)));
    } catch {
      // Code can write here, too: an interpreter that does not keep to the protocol is of no use any more.
      this.end();
    }
  }

  #closed(returnCode: number): void {
    this.#isAlive = false;
    this.#returnCode = returnCode;
    this.#take(undefined);
  }
}
