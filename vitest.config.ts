import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Tests import the public names as a user does. What they pass is frozen on its way to the sources. */
export const alias = [
  { find: /^code-execution-kit$/, replacement: at('./test/support/frozen-kit.ts') },
  { find: /^code-execution-kit\/node$/, replacement: at('./test/support/frozen-node.ts') },
  { find: /^code-execution-kit\/catalog$/, replacement: at('./test/support/frozen-catalog.ts') },
  { find: /^code-execution-kit\/batch$/, replacement: at('./test/support/frozen-batch.ts') },
  { find: /^code-execution-kit\/(.+)$/, replacement: at('./src').concat('/$1/index.ts') },
];

type Options = NonNullable<TestProjectInlineConfiguration['test']>;

const project = (
  name: string,
  include: readonly string[],
  options: Options,
): TestProjectInlineConfiguration => ({
  extends: true,
  test: { name, include: include.map((path) => `test/${path}`), ...options },
});

/** Programs that run, also Python and the compiler: fresh processes, and CI has two cores. */
const PROGRAMS = [
  'programs/**/*.test.ts',
  'emulator/python/**/*.test.ts',
  'emulator/{clients,responses,server,words}.test.ts',
  'docs/compiles.test.ts',
  'api/public-types.test.ts',
];
const SUITES = ['faults', 'sandboxes', 'package', 'peers', 'live'].map((path) => `${path}/**/*.test.ts`);

export default defineConfig({
  resolve: { alias },
  test: {
    maxWorkers: 2,
    // Also the removal of 100,000 files on a slow disk.
    hookTimeout: 120_000,
    projects: [
      // What a person keeps on watch: `npm test`.
      project('unit', ['**/*.test.ts'], {
        testTimeout: 30_000,
        exclude: ['**/node_modules/**', ...[...PROGRAMS, ...SUITES].map((path) => `test/${path}`)],
      }),
      project('programs', PROGRAMS, { testTimeout: 60_000 }),
      // The fault table: every row of it is done, and the processes of some are
      // killed. Most rows that take long only wait until the SDK asks again.
      project('faults', ['faults/**/*.test.ts'], { testTimeout: 90_000, maxConcurrency: 16 }),
      // What code can do to a sandbox and its emulator, in
      // just-bash and in bubblewrap: a hundred interpreters.
      project('sandboxes', ['sandboxes/*.test.ts'], { testTimeout: 60_000 }),
      // What a user installs: the packed tarball in an empty
      // folder. Needs `npm run build` first and the npm registry.
      project('package', ['package/*.test.ts'], {
        testTimeout: 180_000,
        hookTimeout: 180_000,
        maxWorkers: 1,
      }),
      // Clients and runtimes with packages and a Node of their own. Needs `npm ci --prefix test/peers` first.
      project('peers', ['peers/*.test.ts'], { testTimeout: 60_000, maxWorkers: 1 }),
      // The real API: needs ANTHROPIC_API_KEY, and costs. LIVE_MODEL names another
      // model than `claude-opus-5-5`. One after the other, for the sake of rate limits.
      project('live', ['live/*.test.ts'], { testTimeout: 600_000, maxWorkers: 1 }),
    ],
  },
});
