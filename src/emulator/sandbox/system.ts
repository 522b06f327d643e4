import { EmulatorError } from '../protocol/emulator-error.ts';
import { Bubblewrap, decode } from './bubblewrap.ts';
import { PYTHON_DRIVER } from './python-driver.ts';
import { PythonProcess } from './python-process.ts';
import {
  cellPath,
  type Sandbox,
  type SandboxCommand,
  type SandboxFactory,
  type SandboxResult,
  timeoutText,
} from './sandbox.ts';

/** Bytes that are kept of what a program prints; after them the program is ended. */
const MAX_PRINTED = 32 * 1024 * 1024;
/** A file of the API is not larger. */
const MAX_FILE = 500_000_000;
/** In characters, which have four bytes at most. */
const MAX_ARGUMENT = 30_000;
const DRIVER = '/var/lib/cells/driver.py';

/** Options of {@link systemSandbox}. */
export interface SystemSandboxOptions {
  /** The interpreter, which must lie under /usr. Default `/usr/bin/python3`. */
  readonly python?: string | undefined;
  /** Address space of a process, in bytes. Default 5 GiB, the memory of the real container. */
  readonly memoryBytes?: number | undefined;
  /** Largest file, in bytes. Default 1 GiB. */
  readonly fileBytes?: number | undefined;
}

/**
 * The machine's own bash and Python, with the libraries that it has, isolated by
 * bubblewrap: no network, no files of the host but /usr (read-only), limits of memory and
 * file size. One interpreter runs all cells of a container, so variables stay as they are.
 *
 * For Linux. It never runs code without the isolation: `apt-get install bubblewrap`, and for real charts
 * `apt-get install python3-matplotlib python3-pandas`.
 *
 * @throws {EmulatorError} at the first command, `.code` `sandbox_missing`, where the isolation is missing.
 *
 * @example
 * ```ts
 * const emulator = createEmulator({ script, sandbox: systemSandbox() });
 * ```
 */
export function systemSandbox(options: SystemSandboxOptions = {}): SandboxFactory {
  const { python = '/usr/bin/python3', memoryBytes = 5 * 1024 ** 3, fileBytes = 1024 ** 3 } = options;
  return async (timeoutMs) => {
    const bubblewrap = await Bubblewrap.create({ memoryBytes, fileBytes, processes: 512 });
    return new SystemSandbox(bubblewrap, python, timeoutMs);
  };
}

class SystemSandbox implements Sandbox {
  readonly #bubblewrap: Bubblewrap;
  readonly #python: string;
  readonly #timeoutMs: number;
  /** The interpreter that keeps the variables. */
  #interpreter: PythonProcess | undefined;
  readonly #closed = new AbortController();

  constructor(bubblewrap: Bubblewrap, python: string, timeoutMs: number) {
    this.#bubblewrap = bubblewrap;
    this.#python = python;
    this.#timeoutMs = timeoutMs;
  }

  async run(command: SandboxCommand): Promise<SandboxResult> {
    const signal = AbortSignal.any([command.signal, this.#closed.signal]);
    if (command.language === 'python') return this.#runCell({ ...command, signal });
    const { returnCode, timedOut, stdout, stderr } = await this.#bubblewrap.exec(await this.#shell(command), {
      env: command.env,
      timeoutMs: this.#timeoutMs,
      maxBytes: MAX_PRINTED,
      signal,
    });
    const status = timedOut ? `${timeoutText(this.#timeoutMs)}\n` : '';
    return { stdout: decode(stdout), stderr: decode(stderr) + status, returnCode };
  }

  /**
   * The kernel takes arguments of 128 KiB: a longer command
   * goes through a file. NUL characters mean nothing to bash.
   */
  async #shell({ id, source: written }: SandboxCommand): Promise<readonly string[]> {
    const source = written.replaceAll('\0', '');
    if (source.length < MAX_ARGUMENT) return ['/bin/bash', '-c', source];
    const path = `/var/lib/cells/${id}.sh`;
    await this.writeFile(path, new TextEncoder().encode(source));
    return ['/bin/bash', path];
  }

  /** Cells share an interpreter, but for one that comes while another still waits for its tools. */
  async #runCell(command: SandboxCommand): Promise<SandboxResult> {
    await this.writeFile(cellPath(command.id), new TextEncoder().encode(command.source));
    const isShared = command.keepsState && !this.#interpreter?.isBusy;
    const usable = isShared && this.#interpreter?.isAlive ? this.#interpreter : undefined;
    const interpreter = usable ?? (await this.#startInterpreter());
    if (isShared) this.#interpreter = interpreter;
    try {
      return await interpreter.run(command);
    } finally {
      if (!isShared) interpreter.end();
    }
  }

  async #startInterpreter(): Promise<PythonProcess> {
    // Each time: code may have removed it.
    await this.writeFile(DRIVER, new TextEncoder().encode(PYTHON_DRIVER));
    const child = this.#bubblewrap.spawn([this.#python, DRIVER, '--serve'], {}, [
      'ignore',
      'ignore',
      'ignore',
      'pipe',
      'pipe',
    ]);
    return new PythonProcess(child, {
      timeoutMs: this.#timeoutMs,
      maxPrinted: MAX_PRINTED,
      readText: async (path) => decode(await this.readFile(path).catch(() => new Uint8Array())),
    });
  }

  /**
   * Files are reached from inside the sandbox only: out here, a link in it could lead to a file of the host.
   */
  async makeDirectory(path: string): Promise<void> {
    await this.#file(['/bin/mkdir', '-p', '--', path]);
  }

  async writeFile(path: string, bytes: Uint8Array): Promise<void> {
    await this.#file(
      ['/bin/bash', '-c', 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1"', 'write', path],
      bytes,
    );
  }

  async readFile(path: string): Promise<Uint8Array> {
    return this.#file(['/bin/cat', '--', path]);
  }

  async listFiles(path: string): Promise<string[]> {
    const inside = ['-maxdepth', '1', '-mindepth', '1', '-type', 'f', '-printf', '%f\\0'];
    // A command may have removed the folder.
    const names = await this.#file(['/usr/bin/find', path, ...inside]).catch(() => new Uint8Array());
    return decode(names).split('\0').filter(Boolean).toSorted();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#interpreter?.end();
    await this.#bubblewrap.remove();
  }

  /** What a program says about a file. */
  async #file(command: readonly string[], input?: Uint8Array): Promise<Uint8Array> {
    const { returnCode, stdout, stderr } = await this.#bubblewrap.exec(command, {
      input,
      timeoutMs: this.#timeoutMs,
      maxBytes: MAX_FILE,
      signal: this.#closed.signal,
    });
    if (returnCode === 0) return stdout;
    throw new EmulatorError(decode(stderr).trim(), { code: 'sandbox_file' });
  }
}
