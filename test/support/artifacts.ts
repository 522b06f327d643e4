import { type Artifact, runTurn } from 'code-execution-kit';
import { python } from 'code-execution-kit/emulator';
import { expect } from 'vitest';
import { params, world } from './world.ts';

/** An artifact of which only the id is known. */
export const listed = {
  fileId: 'file_1',
  executionId: 'srvtoolu_1',
  responseIndex: 0,
  status: 'listed',
  name: null,
  mimeType: null,
  sizeBytes: null,
  createdAt: null,
  expiresAt: null,
  downloadable: null,
} as const satisfies Artifact;

/** A client whose turn makes these files, and the turn's artifacts. */
export async function artifactsNamed(names: readonly string[], describeThem = true) {
  const code = `import os, json\nfor name, text in json.loads(${JSON.stringify(JSON.stringify(names.map((name) => [name, `content of ${name}`])))}):\n  open(os.path.join(os.environ["OUTPUT_DIR"], name), "w").write(text)`;
  const { emulator, client } = world([python(code)]);
  const turn = await runTurn(client, params, { describe: describeThem });
  expect(turn.executions[0]?.stderr).toBe('');
  return { emulator, client, artifacts: turn.artifacts, turn };
}
