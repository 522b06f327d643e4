import type { Bash } from 'just-bash';
import { EmulatorError } from '../protocol/emulator-error.ts';
import { PYTHON_DRIVER } from './python-driver.ts';
import {
  callOf,
  cellPath,
  type Sandbox,
  type SandboxCommand,
  type SandboxResult,
  type SentCall,
  type ToolReply,
  timeoutText,
} from './sandbox.ts';

const HOME = '/root';
const WORKING_DIRECTORY = '/tmp';
/** What the driver needs, out of the way of the code. */
const CELLS = '/var/lib/cells';
const DRIVER = `${CELLS}/driver.py`;
/** What the driver prints last. */
const END = '\u001e';
const STATE = `${CELLS}/state.pickle`;

/**
 * A sandbox in this process: bash and its tools written in TypeScript, CPython compiled to
 * WebAssembly, and files in memory, by just-bash. No network, no access to the host's files.
 *
 * Each Python cell is a new interpreter. Variables that can be pickled are carried
 * over, and a cell that awaits a tool is run again with the replies that it got.
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
  const env = { HOME };
  const bash = new Bash({ python: true, cwd: WORKING_DIRECTORY, env, executionLimits });
  await bash.fs.mkdir(HOME, { recursive: true });
  return new JustBashSandbox(bash, timeoutMs);
}

class JustBashSandbox implements Sandbox {
  readonly #bash: Bash;
  readonly #timeoutMs: number;
  #runs = 0;

  constructor(bash: Bash, timeoutMs: number) {
    this.#bash = bash;
    this.#timeoutMs = timeoutMs;
  }

  run(command: SandboxCommand): Promise<SandboxResult> {
    return command.language === 'bash' ? this.#exec(command.source, command) : this.#runCell(command);
  }

  /** Runs a cell from its start each time that replies came for the calls it waits for. */
  async #runCell(command: SandboxCommand): Promise<SandboxResult> {
    const cell = cellPath(command.id);
    // One that was aborted may still be writing while the same cell runs again.
    const run = `${CELLS}/${command.id}.${++this.#runs}`;
    const [job, waiting] = [`${run}.json`, `${run}.calls.json`];
    const state = command.keepsState ? STATE : '';
    await this.#writeText(DRIVER, PYTHON_DRIVER);
    await this.#writeText(cell, command.source);
    const startedAt = Date.now() / 1000;
    const answered: (SentCall & { readonly reply: ToolReply })[] = [];
    for (;;) {
      const fields = {
        cell,
        state,
        calls: waiting,
        tools: command.tools.names,
        answered,
        startedAt,
        end: END,
      };
      await this.#writeText(job, JSON.stringify(fields));
      const result = await this.#exec(`python3 ${DRIVER} ${job}`, command);
      const calls = await this.#takeCalls(waiting);
      if (calls.length === 0)
        return { ...result, stdout: upToEnd(result.stdout), stderr: upToEnd(result.stderr) };
      const replies = await command.tools.call(calls.map(callOf));
      for (const [index, call] of calls.entries())
        answered.push({ ...call, reply: replies[index] as ToolReply });
    }
  }

  /** The calls that the cell waits for; none when it came to its end. */
  async #takeCalls(path: string): Promise<readonly SentCall[]> {
    if (!(await this.#bash.fs.exists(path))) return [];
    const calls = JSON.parse(await this.#bash.fs.readFile(path));
    await this.#bash.fs.rm(path);
    return calls;
  }

  async #exec(line: string, { env, signal }: SandboxCommand): Promise<SandboxResult> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    const { stdout, stderr, exitCode } = await this.#bash.exec(line, {
      env: { ...env },
      // Leading spaces belong to here-documents, and so to Python.
      rawScript: true,
      signal: AbortSignal.any([timeout, signal]),
    });
    if (timeout.aborted) {
      return { stdout, stderr: `${timeoutText(this.#timeoutMs)}\n`, returnCode: exitCode };
    }
    return { stdout, stderr, returnCode: exitCode };
  }

  async #writeText(path: string, text: string): Promise<void> {
    await this.makeDirectory(path.slice(0, path.lastIndexOf('/')));
    await this.#bash.fs.writeFile(path, text);
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#bash.fs.mkdir(path, { recursive: true });
  }

  async writeFile(path: string, bytes: Uint8Array): Promise<void> {
    // just-bash would put the file in the folder's place.
    const found = await this.#bash.fs.stat(path).catch(() => undefined);
    if (found?.isDirectory) throw new Error('it is a folder');
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

/** Without what just-bash added to it. */
function upToEnd(output: string): string {
  const end = output.lastIndexOf(END);
  return end >= 0 && output.slice(end).trimEnd() === END ? output.slice(0, end) : output;
}
