import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as kit from 'code-execution-kit';
import * as batch from 'code-execution-kit/batch';
import * as catalog from 'code-execution-kit/catalog';
import * as emulator from 'code-execution-kit/emulator';
import * as node from 'code-execution-kit/node';
import * as relay from 'code-execution-kit/relay';
import ts from 'typescript';
import { afterAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const folder = `${root}/test/.blocks`;
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a block that goes on with an earlier one takes from there. Nothing here is of this package. */
const CONTEXT = `
import type Client from '@anthropic-ai/sdk';
import type { MessageParam, ToolResultBlockParam, MessageCreateParamsNonStreaming } from '@anthropic-ai/sdk/resources/messages';
import type * as kit from 'code-execution-kit';
declare global {
  const client: Client, params: MessageCreateParamsNonStreaming & { model: 'claude-opus-5-5' }, model: 'claude-opus-5-5';
  const session: kit.Session, defaults: kit.SessionDefaults, turn: kit.Turn, checkpoint: kit.Checkpoint;
  const id: string, question: string, stored: MessageParam[] & string, paths: string[], contentLength: number;
  const toolResults: ToolResultBlockParam[], tools: { name: string; run(): string; input_schema: { type: 'object' } }[];
  const body: ReadableStream<Uint8Array>;
  const store: { put(id: string, text: string): Promise<void>; get(id: string): Promise<string> };
  const bucket: { put(name: string, body: ReadableStream<Uint8Array>): Promise<void> };
  const load: () => Promise<kit.SessionSnapshot | null>, save: (snapshot: kit.SessionSnapshot) => Promise<void>;
  const salesOf: (input: { region: string }) => string;
  const getSales: { name: string; run(): string; input_schema: { type: 'object' } };
  const z: typeof import('zod'), Anthropic: typeof Client;
  const betaZodTool: typeof import('@anthropic-ai/sdk/helpers/beta/zod').betaZodTool;
  const emulator: import('code-execution-kit/emulator').Emulator;
  const tracer: kit.TracingTracer, context: kit.TracingContext;
}
`;

/** Each TypeScript block of the README and of the pages, by page and line. */
async function blocks(): Promise<Map<string, string>> {
  const pages = ['README.md', ...(await readdir(`${root}/docs`)).map((name) => `docs/${name}`)];
  const found = new Map<string, string>();
  for (const page of pages) {
    const text = await readFile(`${root}/${page}`, 'utf8');
    for (const { 1: code = '', index } of text.matchAll(/^```ts\n(.*?)^```/gms)) {
      found.set(`${page}:${text.slice(0, index).split('\n').length}`, code);
    }
  }
  return found;
}

/** Every name that the package gives, as a global: for blocks without an import of it. */
function namesOf(entries: Readonly<Record<string, object>>): string {
  const lines = Object.entries(entries).flatMap(([entry, names]) =>
    Object.keys(names)
      // A browser's window has one.
      .filter((name) => name !== 'stop')
      .map((name) => `const ${name}: typeof import('${entry}').${name};`),
  );
  return `export {};\ndeclare global {\n${lines.join('\n')}\n}\n`;
}

/** What the compiler says of the blocks, each as a module. */
async function compile(name: string, modules: ReadonlyMap<string, string>, context: string[]) {
  const own = `${folder}/${name}`;
  await mkdir(own, { recursive: true });
  const paths = new Map<string, string>();
  for (const [place, code] of modules) {
    const path = `${own}/${place.replace(/[^\w]/g, '-')}.ts`;
    paths.set(path, place);
    await writeFile(path, `${code}\nexport {};\n`);
  }
  const contexts = context.map((_, index) => `${own}/context-${index}.d.ts`);
  for (const [index, text] of context.entries()) await writeFile(contexts[index] as string, text);
  const config = ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile).config;
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram([...paths.keys(), ...contexts], { ...options, skipLibCheck: false });
  const files = [...paths.keys(), ...contexts].map((path) => program.getSourceFile(path));
  return files
    .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
    .map(({ file, start = 0, messageText }) => {
      const { line = 0 } = file?.getLineAndCharacterOfPosition(start) ?? {};
      const place = paths.get(file?.fileName ?? '');
      return `${place ?? file?.fileName} +${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
}

const importsKit = (code: string) => /from 'code-execution-kit/.test(code);

it('each block of the README and the pages compiles, and one with imports has all that it needs', async () => {
  const all = [...(await blocks())];
  const whole = all.filter(([, code]) => importsKit(code));
  const parts = all.filter(([, code]) => !importsKit(code));
  expect(whole.length).toBeGreaterThan(5);
  expect(parts.length).toBeGreaterThan(15);
  const names = namesOf({
    'code-execution-kit': kit,
    'code-execution-kit/catalog': catalog,
    'code-execution-kit/batch': batch,
    'code-execution-kit/emulator': emulator,
    'code-execution-kit/node': node,
    'code-execution-kit/relay': relay,
  });
  expect(await compile('whole', new Map(whole), [CONTEXT])).toEqual([]);
  expect(await compile('parts', new Map(parts), [CONTEXT, names])).toEqual([]);
  const wrong = new Map([['here', 'export const wrong: number = (await runTurn(client, params)).answer;']]);
  expect(await compile('wrong', wrong, [CONTEXT, names])).toEqual([expect.stringContaining('here +1: Type')]);
}, 180_000);
