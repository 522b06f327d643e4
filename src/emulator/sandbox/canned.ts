import type { Sandbox, SandboxCommand, SandboxFactory, SandboxResult } from './sandbox.ts';

/** What a command is made to have done; absent parts are empty, and files go into its `$OUTPUT_DIR`. */
export interface CannedResult {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly returnCode?: number;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

type ResultOf = (command: SandboxCommand) => CannedResult | Promise<CannedResult>;

/**
 * A sandbox that runs nothing: every command has the result that the function gives, which
 * may call tools as code does. For tests of many turns, and where there is no Python.
 *
 * @example
 * ```ts
 * const sandbox = cannedSandbox(({ source }) => ({ stdout: source.length + '\n', files: { 'a.csv': 'x' } }));
 * const emulator = createEmulator({ script, sandbox });
 * ```
 */
export function cannedSandbox(resultOf: ResultOf = () => ({})): SandboxFactory {
  return async () => new CannedSandbox(resultOf);
}

class CannedSandbox implements Sandbox {
  readonly #resultOf: ResultOf;
  readonly #files = new Map<string, Uint8Array>();

  constructor(resultOf: ResultOf) {
    this.#resultOf = resultOf;
  }

  async run(command: SandboxCommand): Promise<SandboxResult> {
    const { stdout = '', stderr = '', returnCode = 0, files = {} } = await this.#resultOf(command);
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
      await this.writeFile(`${command.env['OUTPUT_DIR']}/${name}`, bytes);
    }
    return { stdout, stderr, returnCode };
  }

  async makeDirectory(): Promise<void> {
    // Folders are there when files are.
  }

  async writeFile(path: string, bytes: Uint8Array): Promise<void> {
    this.#files.set(path, bytes);
  }

  async readFile(path: string): Promise<Uint8Array> {
    const bytes = this.#files.get(path);
    if (!bytes) throw new Error(`${path} does not exist`);
    return bytes;
  }

  async listFiles(path: string): Promise<string[]> {
    const below = [...this.#files.keys()].filter((file) => file.startsWith(`${path}/`));
    return below
      .map((file) => file.slice(path.length + 1))
      .filter((name) => !name.includes('/'))
      .toSorted();
  }
}
