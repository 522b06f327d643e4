import { readdir } from 'node:fs/promises';
import Anthropic from '@anthropic-ai/sdk';
import {
  type Artifact,
  artifactsOf,
  describeArtifacts,
  downloadArtifact,
  isArtifactError,
  runTurn,
} from 'code-execution-kit';
import { bash, cannedSandbox, pause, python, stop } from 'code-execution-kit/emulator';
import { saveArtifacts } from 'code-execution-kit/node';
import { describe, expect, it } from 'vitest';
import { artifactsNamed } from '../support/artifacts.ts';
import { params, temporary, world } from '../support/world.ts';

describe('artifacts', () => {
  it('are described in one call, in order, the missing ones too', async () => {
    const { emulator, client, artifacts } = await artifactsNamed(['b.csv', 'a.svg'], false);
    expect(artifacts.map(({ status, name }) => [status, name])).toEqual([
      ['listed', null],
      ['listed', null],
    ]);
    await client.files.delete(artifacts[1]?.fileId ?? '');
    const before = emulator.requests.length;
    const described = await describeArtifacts(client, artifacts);
    expect(described.map(({ status, name }) => [status, name])).toEqual([
      ['described', 'a.svg'],
      ['missing', null],
    ]);
    expect(emulator.requests.length - before).toBe(1);
  });

  it.each(['refusal', 'max_tokens', 'model_context_window_exceeded'])(
    'of all tools and responses are there in order when a turn ends with %s',
    async (reason) => {
      const sandbox = cannedSandbox(({ source }) => ({ files: { [`${source}.csv`]: source } }));
      const script = [python('1'), bash('2'), pause(bash('3')), python('4'), stop(reason)];
      const { client } = world(script, { sandbox });
      const { artifacts, executions, responses, stopReason } = await runTurn(client, params);
      expect([stopReason, responses.length]).toEqual([reason, 2]);
      expect(artifacts.map(({ name, status }) => [name, status])).toEqual(
        ['1', '2', '3', '4'].map((name) => [`${name}.csv`, 'described']),
      );
      expect(artifacts.map(({ executionId }) => executionId)).toEqual(executions.map(({ id }) => id));
      // The same from what the SDK gives, also when a response is given twice.
      const ids = artifacts.map(({ fileId }) => fileId);
      expect(artifactsOf([...responses, ...responses]).map(({ fileId }) => fileId)).toEqual(ids);
    },
  );

  it('are described a hundred at a time', async () => {
    const sandbox = cannedSandbox(() => ({
      files: Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`${index}.csv`, 'x'])),
    }));
    const { emulator, client } = world([bash('x')], { sandbox });
    const { artifacts } = await runTurn(client, params, { describe: false });
    const before = emulator.requests.length;
    const described = await describeArtifacts(client, artifacts);
    expect(emulator.requests.length - before).toBe(3);
    expect(described.map(({ fileId }) => fileId)).toEqual(artifacts.map(({ fileId }) => fileId));
    expect(new Set(described.map(({ status }) => status))).toEqual(new Set(['described']));
  });

  it('are downloaded as text, bytes, blob and stream', async () => {
    const { client, artifacts, turn } = await artifactsNamed(['a.csv']);
    expect(artifacts).toEqual(await describeArtifacts(client, artifactsOf(turn.responses)));
    const [artifact] = artifacts as [Artifact];
    const opened = await downloadArtifact(client, artifact);
    expect(opened).toMatchObject({ name: 'a.csv', mimeType: 'text/csv', sizeBytes: 16 });
    expect(await opened.text()).toBe('content of a.csv');
    expect(await (await downloadArtifact(client, artifact.fileId)).bytes()).toHaveLength(16);
    expect((await (await downloadArtifact(client, artifact)).blob()).type).toBe('text/csv');
    const stream = (await downloadArtifact(client, artifact)).stream();
    expect(await new Response(stream).text()).toBe('content of a.csv');
  });

  it('that were cut on the way are not taken for whole', async () => {
    const { emulator, artifacts } = await artifactsNamed(['a.csv']);
    const client = new Anthropic({
      apiKey: 'none',
      fetch: async (url, init) => {
        const response = await emulator.fetch(url as string, init);
        if (!String(url).includes('/content')) return response;
        return new Response('conte', { headers: response.headers });
      },
    });
    const folder = await temporary();
    const error = await saveArtifacts(client, artifacts, folder).catch((thrown) => thrown);
    expect(isArtifactError(error) && error.failed).toMatchObject([
      { error: { code: 'artifact_cut', retryable: true } },
    ]);
    expect(await readdir(folder)).toEqual([]);
  });
});
