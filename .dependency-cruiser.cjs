/**
 * The import rules of the design: errors <- wire <- request <- turn <- session, files after turn, node last,
 * and an emulator that shares no decoder with the library.
 */
const room = (name) => `^src/${name}/`;
const only = (name, allowed) => ({
  name: `${name}-imports-one-way`,
  severity: 'error',
  comment: `src/${name} may import only itself, errors and: ${allowed.join(', ') || 'nothing else'}.`,
  from: { path: room(name) },
  to: { path: '^src/', pathNot: [room(name), '^src/errors\\.ts$', ...allowed.map(room)] },
});

module.exports = {
  forbidden: [
    only('wire', []),
    only('request', ['wire']),
    only('turn', ['wire', 'request']),
    only('session', ['wire', 'request', 'turn']),
    only('files', ['wire', 'request', 'turn']),
    only('observe', ['wire', 'request', 'turn']),
    only('node', [
      'wire',
      'request',
      'turn',
      'session',
      'files',
      'observe',
      'batch',
      'catalog',
      'relay',
      'transcript',
    ]),
    only('emulator', []),
    {
      name: 'errors-import-nothing-at-run-time',
      severity: 'error',
      from: { path: '^src/errors\\.ts$' },
      to: { dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-room-imports-node-room',
      severity: 'error',
      comment: 'Only users import the node room.',
      from: { path: '^src/', pathNot: room('node') },
      to: { path: room('node') },
    },
    {
      name: 'node-built-ins-live-in-node-room',
      severity: 'error',
      comment: 'Everything else, but the command line, runs where only web APIs exist.',
      from: { path: '^src/', pathNot: [room('node'), '^src/emulator/cli\\.ts$'] },
      to: { dependencyTypes: ['core'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'sdk-is-types-only',
      severity: 'error',
      comment: "The SDK's client is the user's own; its errors are known by name, status and type.",
      from: { path: '^src/' },
      to: { path: '@anthropic-ai/sdk', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'just-bash-only-in-its-sandbox',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/emulator/sandbox/just-bash\\.ts$' },
      to: { path: 'node_modules/just-bash' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/' }, to: {} },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
