import { defineConfig } from 'vitest/config';
import { alias } from './vitest.config.ts';

/** The real API: needs ANTHROPIC_API_KEY, and costs. LIVE_MODEL names another model than `claude-opus-5-5`. */
export default defineConfig({
  resolve: { alias },
  // One after the other, for the sake of rate limits.
  test: { include: ['test/live/*.test.ts'], testTimeout: 600_000, maxWorkers: 1 },
});
