import { EmulatorError } from '../protocol/emulator-error.ts';
import type { Sandbox, SandboxFactory, SandboxResult } from './sandbox.ts';

/**
 * The same sandboxes, whose faults say that they are theirs: they must not look like faults of the network.
 */
export function checkedSandbox(create: SandboxFactory): SandboxFactory {
  return async (timeoutMs) => {
    const sandbox = await named('sandbox', () => create(timeoutMs));
    if (typeof sandbox?.run !== 'function') {
      throw new EmulatorError(
        'the option sandbox must give a Sandbox, such as cannedSandbox() with its parentheses',
        {
          code: 'sandbox_failed',
        },
      );
    }
    return new CheckedSandbox(sandbox);
  };
}

class CheckedSandbox implements Sandbox {
  readonly #sandbox: Sandbox;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  async run(command: Parameters<Sandbox['run']>[0]): Promise<SandboxResult> {
    const result = await named('run', () => this.#sandbox.run(command));
    const { stdout, stderr, returnCode } = result ?? {};
    if (typeof stdout === 'string' && typeof stderr === 'string' && Number.isInteger(returnCode))
      return result;
    throw new EmulatorError(
      `the sandbox's run() must give { stdout, stderr, returnCode }, gave ${JSON.stringify(result)}`,
      { code: 'sandbox_failed' },
    );
  }

  makeDirectory(path: string): Promise<void> {
    return named('makeDirectory', () => this.#sandbox.makeDirectory(path));
  }

  writeFile(path: string, bytes: Uint8Array): Promise<void> {
    return named('writeFile', () => this.#sandbox.writeFile(path, bytes));
  }

  readFile(path: string): Promise<Uint8Array> {
    return named('readFile', () => this.#sandbox.readFile(path));
  }

  listFiles(path: string): Promise<string[]> {
    return named('listFiles', () => this.#sandbox.listFiles(path));
  }

  async close(): Promise<void> {
    await this.#sandbox.close?.();
  }
}

async function named<T>(method: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof EmulatorError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const what = method === 'sandbox' ? 'the sandbox cannot be made' : `the sandbox's ${method}() failed`;
    throw new EmulatorError(`${what}: ${reason}`, { code: 'sandbox_failed', cause: error });
  }
}
