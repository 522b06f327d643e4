import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { InvalidInputError } from '../errors.ts';
import { listen } from './api/server.ts';
import { createEmulator } from './create-emulator.ts';
import type { EmulatorOptions } from './emulator-options.ts';
import { systemSandbox } from './sandbox/system.ts';

const HELP = `Usage: code-execution-kit emulator [options]

Serves the offline API on the loopback interface, for clients in any language:
  new Anthropic({ apiKey: 'none', baseURL: 'http://127.0.0.1:4010' })

Options:
  --port <number>    the port; 0 for any free one (default 4010)
  --host <name>      the interface (default 127.0.0.1); every program that reaches it can run code in the sandbox
  --script <file>    a module whose default export is the script: steps, or a function of the conversation.
                     Without one, the fenced Python and bash of the last user message is run.
  --sandbox <name>   just-bash (default), or system for this machine's Python and bash in bubblewrap
  --delay <ms>       pause between two events of a stream, to watch it live (default 0)
  --help             this text
`;

/** The command line: `code-execution-kit emulator`, and `code-execution-emulator` for short. */
async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '4010' },
      host: { type: 'string', default: '127.0.0.1' },
      script: { type: 'string' },
      sandbox: { type: 'string', default: 'just-bash' },
      delay: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  });
  const [command = 'emulator', ...more] = positionals;
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  if (command !== 'emulator' || more.length > 0) {
    throw new InvalidInputError(
      `Unknown command ${positionals.join(' ')}. The only one is emulator; see --help.`,
    );
  }
  const script = values.script === undefined ? undefined : await load(values.script);
  if (values.sandbox !== 'just-bash' && values.sandbox !== 'system') {
    throw new InvalidInputError(`--sandbox must be just-bash or system, got ${values.sandbox}.`);
  }
  const sandbox = values.sandbox === 'system' ? systemSandbox() : undefined;
  const emulator = createEmulator({ script, sandbox, eventDelayMs: number('delay', values.delay) });
  const server = await listen(
    emulator.fetch,
    { port: number('port', values.port), host: values.host },
    (line) => process.stdout.write(`${line}\n`),
  );
  process.stdout.write(`The emulator listens on ${server.url}. Ctrl+C ends it.\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await server.close();
      await emulator[Symbol.asyncDispose]();
      process.exit(0);
    });
  }
}

async function load(file: string): Promise<EmulatorOptions['script']> {
  const module = await import(pathToFileURL(resolve(file)).href).catch((cause) => {
    const hint = /\.[cm]?tsx?$/.test(file) ? ' Compile it first, or start Node with --import tsx.' : '';
    throw new InvalidInputError(
      `${file} cannot be loaded: ${cause instanceof Error ? cause.message : cause}.${hint}`,
      { cause },
    );
  });
  if (module.default === undefined)
    throw new InvalidInputError(`${file} has no default export, which would be the script.`);
  return module.default;
}

function number(name: string, value: string): number {
  if (/^\d+$/.test(value)) return Number(value);
  throw new InvalidInputError(`--${name} must be a whole number, got ${value}.`);
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
