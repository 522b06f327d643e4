import { defineConfig } from 'vitest/config';
import { alias } from '../../vitest.config.ts';

/**
 * The quick tests of the rooms that are mutated: no process,
 * no Python, no recording that a clone may not have.
 */
export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/{api,turn,request,wire,run,session}/**/*.test.ts', 'test/files/safe-name.test.ts'],
    exclude: ['test/turn/recordings.test.ts', 'test/api/public-types.test.ts'],
    maxWorkers: 1,
    testTimeout: 60_000,
    env: {
      STREAM_CASES: '30',
      STREAM_ORDERS: '30',
      PREFIX_CASES: '30',
      CHECKPOINT_CASES: '30',
      LIMIT_CASES: '30',
    },
  },
});
