import { defineConfig } from 'vitest/config';

/** What a user installs: the packed tarball in an empty folder. Needs `npm run build` first and the npm registry. */
export default defineConfig({
  test: { include: ['test/package/**/*.test.ts'], testTimeout: 180_000, hookTimeout: 180_000, maxWorkers: 1 },
});
