import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Tests import the public names as a user does. What they pass is frozen on its way to the sources. */
export const alias = [
  { find: /^code-execution-kit$/, replacement: at('./test/support/frozen-kit.ts') },
  { find: /^code-execution-kit\/node$/, replacement: at('./test/support/frozen-node.ts') },
  { find: /^code-execution-kit\/(.+)$/, replacement: at('./src').concat('/$1/index.ts') },
];

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['package', 'bench', 'peers', 'live', 'sandboxes', 'faults'].map((suite) => `test/${suite}/**`),
    testTimeout: 30_000,
    // The emulator's Python is a fresh interpreter for each command, and CI has two cores.
    maxWorkers: 2,
  },
});
