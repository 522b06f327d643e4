import { defineConfig } from 'tsup';

export default defineConfig({
  entry: { index: 'src/index.ts', node: 'src/node/index.ts', emulator: 'src/emulator/index.ts' },
  format: ['esm', 'cjs'],
  target: 'es2022',
  platform: 'neutral',
  external: [/^node:/, 'just-bash'],
  sourcemap: true,
  clean: true,
  treeshake: true,
  splitting: true,
  dts: {
    // `[Symbol.asyncDispose]` stands in the types, and a consumer's `lib` may be older than it.
    banner: '/// <reference lib="esnext.disposable" />',
    // tsup sets `baseUrl` itself, which TypeScript 6 calls deprecated. `paths` is for tests and examples only.
    compilerOptions: { ignoreDeprecations: '6.0', paths: {} },
  },
});
