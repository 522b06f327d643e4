import {
  createSession,
  deleteFiles,
  describeArtifacts,
  downloadArtifact,
  pipeArtifacts,
  runTurn,
  turnEvents,
  uploadFile,
} from 'code-execution-kit';
import { cannedSandbox, delay, python, say } from 'code-execution-kit/emulator';
import { expect, it } from 'vitest';
import { response, sseOf } from '../support/sse.ts';
import { drained, params, world } from '../support/world.ts';

const CALLS = 20;
const sandbox = cannedSandbox(() => ({ files: { 'a.csv': 'a' } }));

/** A signal that counts who listens to it. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  let most = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<AbortSignal['addEventListener']>) => {
    most = Math.max(most, ++listeners);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<AbortSignal['removeEventListener']>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  return { signal, controller, counts: () => ({ listeners, most }) };
}

async function prepared() {
  const { client, emulator } = world([python('x'), say('Done.')], { sandbox });
  const turn = await runTurn(client, params);
  return { client, emulator, artifact: turn.artifacts[0] as (typeof turn.artifacts)[0] };
}
type Prepared = Awaited<ReturnType<typeof prepared>>;

const turnOf = () => {
  const { client } = world([python('x'), say('Done.')], { sandbox, faults: [delay(1)] });
  return { client };
};
const JOBS: Record<string, (given: Prepared, signal: AbortSignal) => Promise<unknown>> = {
  runTurn: async (_, signal) => runTurn(turnOf().client, params, { signal }),
  'a turn of a session': async (_, signal) =>
    createSession(turnOf().client, { model: 'claude-opus-5-5', max_tokens: 1000 }).run('Go.', { signal }),
  turnEvents: async (_, signal) =>
    drained(turnEvents(new Response(sseOf(response([{ type: 'text', text: 'Hi.' }]))), { signal })),
  uploadFile: ({ client }, signal) => uploadFile(client, new Uint8Array(9), { name: 'a.csv', signal }),
  'uploadFile of a stream': ({ client }, signal) =>
    uploadFile(client, new Blob(['a']).stream(), { name: 'a.csv', signal }),
  downloadArtifact: async ({ client, artifact }, signal) =>
    (await downloadArtifact(client, artifact, { signal })).text(),
  describeArtifacts: ({ client, artifact }, signal) => describeArtifacts(client, [artifact], { signal }),
  pipeArtifacts: ({ client, artifact }, signal) =>
    pipeArtifacts(client, [artifact], ({ body }) => new Response(body).text(), { signal }),
  deleteFiles: ({ client }, signal) => deleteFiles(client, ['file_none'], { signal }).catch(() => {}),
};

it.each(Object.keys(JOBS))(
  `${CALLS} calls at once share one listener on one signal, and leave none: %s`,
  async (name) => {
    const warnings: Error[] = [];
    const listener = (warning: Error) => void warnings.push(warning);
    process.on('warning', listener);
    const given = await prepared();
    const { signal, counts } = countedSignal();
    await Promise.all(Array.from({ length: CALLS }, () => JOBS[name]?.(given, signal)));
    // Warnings are given in the next turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listener);
    expect(warnings).toEqual([]);
    expect(counts()).toEqual({ listeners: 0, most: 1 });
  },
);

it('an abort reaches all calls that share the signal', async () => {
  const { signal, controller } = countedSignal();
  const turns = Array.from({ length: CALLS }, () => {
    const { client } = world([say('Hi.')], { faults: [delay(60_000)] });
    return runTurn(client, params, { signal }).catch((error) => error);
  });
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort('enough');
  for (const error of await Promise.all(turns)) expect(error).toMatchObject({ code: 'aborted' });
});
