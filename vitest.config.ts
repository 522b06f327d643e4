import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Tests import the public names as a user does; this points them at the sources. */
export const alias = [
  { find: /^code-execution-kit$/, replacement: fileURLToPath(new URL('./src/index.ts', import.meta.url)) },
  {
    find: /^code-execution-kit\/(.+)$/,
    replacement: fileURLToPath(new URL('./src', import.meta.url)).concat('/$1/index.ts'),
  },
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
