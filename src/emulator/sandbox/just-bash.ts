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
export async function justBashSandbox(): Promise<Sandbox> {
  const { Bash } = await import('just-bash').catch((cause) => {
    throw new EmulatorError(
      'The emulator runs code with just-bash, which is not installed: npm install --save-dev just-bash',
      {
        code: 'sandbox_missing',
        cause,
      },
    );
  });
  return new JustBashSandbox(new Bash({ python: true, cwd: WORKING_DIRECTORY, env: { HOME } }));
}

class JustBashSandbox implements Sandbox {
  readonly #bash: Bash;
  #cells = 0;

  constructor(bash: Bash) {
    this.#bash = bash;
  }

  async run({ language, source, env, timeoutMs }: SandboxCommand): Promise<SandboxResult> {
    const command = language === 'bash' ? source : await this.#cellCommand(source);
    const { stdout, stderr, exitCode } = await this.#bash.exec(command, {
      env: { ...env },
      // Leading spaces belong to here-documents, and so to Python.
      rawScript: true,
      signal: AbortSignal.timeout(timeoutMs),
    });
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
    const files: string[] = [];
    for (const name of (await this.#bash.fs.readdir(path)).toSorted()) {
      if ((await this.#bash.fs.stat(`${path}/${name}`)).isFile) files.push(name);
    }
    return files;
  }
}
