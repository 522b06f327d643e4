import type { Bash } from 'just-bash';
import { EmulatorError } from '../../errors.ts';
import type { Sandbox, SandboxCommand, SandboxResult } from './sandbox.ts';

const HOME = '/root';
const WORKING_DIRECTORY = '/tmp';

/**
 * A sandbox in this process: bash and its tools written in TypeScript, CPython compiled to WebAssembly, and files in
 * memory, by just-bash. No network, no access to the host's files; each Python run is a new interpreter.
 *
 * @throws {EmulatorError} `.code` `sandbox_missing` when just-bash is not installed.
 */
export async function justBashSandbox(timeoutMs: number): Promise<Sandbox> {
  const { Bash } = await import('just-bash').catch((cause) => {
    throw new EmulatorError(
      'The emulator runs code with just-bash, which is not installed: npm install --save-dev just-bash',
      {
        code: 'sandbox_missing',
        cause,
      },
    );
  });
  // Its own limits are for untrusted scripts; here time is the limit, as in the real container.
  const executionLimits = {
    maxPythonTimeoutMs: timeoutMs + 1000,
    maxExecutionTimeMs: timeoutMs + 1000,
    maxCommandCount: 1e9,
    maxLoopIterations: 1e9,
    maxWorkUnits: 1e9,
  };
  const bash = new Bash({ python: true, cwd: WORKING_DIRECTORY, env: { HOME }, executionLimits });
  return new JustBashSandbox(bash, timeoutMs);
}

class JustBashSandbox implements Sandbox {
  readonly #bash: Bash;
  readonly #timeoutMs: number;
  #cells = 0;

  constructor(bash: Bash, timeoutMs: number) {
    this.#bash = bash;
    this.#timeoutMs = timeoutMs;
  }

  async run({ language, source, env, signal }: SandboxCommand): Promise<SandboxResult> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    const command = language === 'bash' ? source : await this.#cellCommand(source);
    const { stdout, stderr, exitCode } = await this.#bash.exec(command, {
      env: { ...env },
      // Leading spaces belong to here-documents, and so to Python.
      rawScript: true,
      signal: AbortSignal.any([timeout, signal]),
    });
    if (timeout.aborted) {
      // Documented for a cell: a normal result with a status text of this name. Its wording was not recorded.
      const status = `detection_timeout: the command ran longer than ${this.#timeoutMs} ms and was ended\n`;
      return { stdout, stderr: status, returnCode: exitCode };
    }
    return { stdout, stderr, returnCode: exitCode };
  }

  /** A cell runs from a file: quoting source for a shell is a source of errors. */
  async #cellCommand(source: string): Promise<string> {
    const path = `${HOME}/.cell-${++this.#cells}.py`;
    await this.#bash.fs.mkdir(HOME, { recursive: true });
    await this.#bash.writeFile(path, source);
    return `python3 ${path}`;
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#bash.fs.mkdir(path, { recursive: true });
  }

  async writeFile(path: string, bytes: Uint8Array): Promise<void> {
    await this.#bash.fs.writeFile(path, bytes);
  }

  async readFile(path: string): Promise<Uint8Array> {
    return this.#bash.fs.readFileBuffer(path);
  }

  async listFiles(path: string): Promise<string[]> {
    // A command may have removed the folder, and left links that lead nowhere.
    const names = await this.#bash.fs.readdir(path).catch(() => []);
    const files: string[] = [];
    for (const name of names.toSorted()) {
      const found = await this.#bash.fs.stat(`${path}/${name}`).catch(() => undefined);
      if (found?.isFile) files.push(name);
    }
    return files;
  }
}
