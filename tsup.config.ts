import { defineConfig, type Options } from 'tsup';

const shared: Options = {
  target: 'es2022',
  platform: 'neutral',
  external: [/^node:/, 'just-bash'],
};

const library: Options = {
  ...shared,
  entry: {
    index: 'src/index.ts',
    node: 'src/node/index.ts',
    relay: 'src/relay/index.ts',
    catalog: 'src/catalog/index.ts',
    batch: 'src/batch/index.ts',
    emulator: 'src/emulator/index.ts',
  },
  format: ['esm', 'cjs'],
  treeshake: true,
  splitting: true,
  dts: {
    // `[Symbol.asyncDispose]` stands in the types, and a consumer's `lib` may be older than it.
    banner: '/// <reference lib="esnext.disposable" />',
    // tsup sets `baseUrl` itself, which TypeScript 6 calls
    // deprecated. `paths` is for tests and examples only.
    compilerOptions: { ignoreDeprecations: '6.0', paths: {} },
  },
};

const commandLine: Options = {
  ...shared,
  entry: { cli: 'src/emulator/cli.ts' },
  format: ['esm'],
  banner: { js: '#!/usr/bin/env node' },
};

export default defineConfig([library, commandLine]);
