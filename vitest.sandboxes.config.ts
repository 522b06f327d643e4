import { defineConfig } from 'vitest/config';
import { alias } from './vitest.config.ts';

/** What code can do to a sandbox and its emulator, in just-bash and in bubblewrap: a hundred interpreters. */
export default defineConfig({
  resolve: { alias },
  test: { include: ['test/sandboxes/*.test.ts'], testTimeout: 60_000, maxWorkers: 2 },
});
