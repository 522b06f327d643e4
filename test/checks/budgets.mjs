/**
 * Run by `npm run check` after the build. Prints what each import set costs in kB, minified and
 * compressed, without the SDK and zod, and the lines of code of the spine and the core. Fails above
 * the limits here, which only go down: a change that needs more says why in docs/decisions.md.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const IMPORT_SETS = {
  everything: ["export * from './dist/index.js'", 54.3],
  runTurn: ["export { runTurn } from './dist/index.js'", 34.3],
  'turnEvents and reduceTurn': ["export { turnEvents, reduceTurn } from './dist/index.js'", 18.5],
  'readEvents and reduceTurn': [
    "export { readEvents } from './dist/relay.js'; export { reduceTurn } from './dist/index.js'",
    7.6,
  ],
  reduceTurn: ["export { reduceTurn, initialTurnState } from './dist/index.js'", 3.7],
  'executionsOf and artifactsOf': ["export { executionsOf, artifactsOf } from './dist/index.js'", 4.2],
};
const SPINE = ['errors.ts', 'wire', 'turn', 'sdk', 'request', 'observe', 'run'];
const CODE_LINES = {
  spine: [SPINE, 6560],
  core: [[...SPINE, 'session', 'files', 'node', 'index.ts'], 9300],
};

async function sizeOf(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    // Chunks without side effects are named for their order alone.
    logLevel: 'error',
    format: 'esm',
    platform: 'browser',
    external: ['@anthropic-ai/sdk', 'zod', 'zod/*'],
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length / 1000;
}

/** Lines that are no comment, no blank and no import. */
function codeLines(path) {
  if (statSync(path).isDirectory()) {
    return readdirSync(path).reduce((sum, name) => sum + codeLines(join(path, name)), 0);
  }
  if (!path.endsWith('.ts')) return 0;
  const text = readFileSync(path, 'utf8')
    .replace(/^\s*\/\*.*?\*\/\s*$/gms, '')
    .replace(/^import\b(?!\().*?;$/gms, '');
  return text.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('//')).length;
}

const rows = [];
for (const [name, [contents, limit]] of Object.entries(IMPORT_SETS)) {
  rows.push({ name, is: await sizeOf(contents), limit, unit: 'kB' });
}
for (const [name, [rooms, limit]] of Object.entries(CODE_LINES)) {
  const is = rooms.reduce((sum, room) => sum + codeLines(join(root, 'src', room)), 0);
  rows.push({ name, is, limit, unit: 'lines of code' });
}
for (const { name, is, limit, unit } of rows) {
  const figure = unit === 'kB' ? is.toFixed(1) : is;
  console.log(`${name}: ${figure} of ${limit} ${unit}${is > limit ? ' -- over' : ''}`);
  if (is > limit) process.exitCode = 1;
}
