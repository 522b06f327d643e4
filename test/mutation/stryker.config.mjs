/**
 * npm run test:mutation [-- --mutate src/turn/fold.ts]
 *
 * Changes the code in small ways and reports each change that no test notices. Takes
 * an hour or more for all rooms, so name the files that you changed. Not in CI.
 */
export default {
  mutate: ['src/turn/**/*.ts', 'src/request/**/*.ts', 'src/wire/**/*.ts'],
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  concurrency: 2,
  timeoutMS: 10_000,
  reporters: ['clear-text', 'progress', 'json'],
  jsonReporter: { fileName: 'out/mutation.json' },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 95, low: 85, break: 85 },
  tempDirName: 'out/.stryker',
  ignorePatterns: ['dist', 'out', 'test/peers'],
};
