import { defineConfig } from 'vitest/config';
import { alias } from './vitest.config.ts';

/** The fault table: every row of it is done, and the processes of some are killed. */
export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/faults/**/*.test.ts'],
    testTimeout: 90_000,
    maxWorkers: 2,
    // Most rows that take long only wait until the SDK asks again.
    maxConcurrency: 16,
  },
});
