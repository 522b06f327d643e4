/**
 * The import rules of the design, for rooms that are planned, too: errors <- wire <- turn, wire <- sdk, both <- request,
 * all of these <- run <- session, and files after turn and sdk, node last.
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
    only('turn', ['wire']),
    only('sdk', ['wire']),
    only('request', ['wire', 'turn', 'sdk']),
    only('observe', ['wire', 'turn', 'sdk']),
    only('run', ['wire', 'turn', 'sdk', 'request', 'observe']),
    only('session', ['wire', 'turn', 'sdk', 'request', 'run']),
    only('files', ['wire', 'turn', 'sdk']),
    only('node', ['wire', 'turn', 'sdk', 'files']),
    only('batch', ['wire', 'turn', 'sdk', 'request']),
    only('catalog', ['turn', 'sdk', 'request']),
    only('relay', ['wire', 'turn', 'sdk', 'files']),
    only('transcript', ['turn']),
    // Shares no decoder with the library: the two would misread the API alike. Its table of contents names the recording room.
    {
      ...only('emulator', []),
      from: { path: room('emulator'), pathNot: '^src/emulator/index\\.ts$' },
    },
    only('recording', ['emulator/protocol']),
    {
      name: 'errors-import-nothing',
      severity: 'error',
      from: { path: '^src/errors\\.ts$' },
      to: { path: '.' },
    },
    {
      name: 'turn-and-relay-load-no-schemas',
      severity: 'error',
      comment: 'Schemas are loaded when data comes from outside; most turns read none.',
      from: { path: '^src/', pathNot: ['schemas?\\.ts$', room('relay')] },
      to: { path: 'schemas?\\.ts$', dynamic: false },
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
    {
      name: 'no-circles-of-folders',
      severity: 'error',
      scope: 'folder',
      comment:
        "Only the emulator's table of contents names the room beside it that reads the emulator's shared shapes.",
      from: { pathNot: '^src/(emulator|recording)$' },
      to: { circular: true },
    },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/' }, to: {} },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
