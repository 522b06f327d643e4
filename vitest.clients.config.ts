import { defineConfig } from 'vitest/config';
import { alias } from './vitest.config.ts';

/** Clients and runtimes that come with their own packages and their own Node. Needs `npm run peers` first. */
export default defineConfig({
  resolve: { alias },
  test: { include: ['test/peers/*.test.ts'], testTimeout: 60_000, maxWorkers: 1 },
});
