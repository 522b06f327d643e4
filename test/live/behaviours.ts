import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import {
  artifactInstructions,
  codeExecutionTool,
  containerUpload,
  downloadArtifact,
  executionsOf,
  isTurnInterruptedError,
  runTurn,
  streamTurn,
  type Turn,
  type TurnEvent,
  userMessage,
} from 'code-execution-kit';
import { saveArtifacts, uploadPath } from 'code-execution-kit/node';

/** What a behaviour is tried with. */
interface Surroundings {
  readonly client: Anthropic;
  readonly model: string;
  /** An empty folder of its own. */
  readonly folder: string;
}

/** Something that the API does, and the emulator with it. `holds` throws where it does not. */
export interface Behaviour {
  readonly name: string;
  readonly holds: (surroundings: Surroundings) => Promise<void>;
}

/**
 * One list for the real API and for the emulator. An emulator without a script runs
 * the fenced code of the last user message, and a model that is asked to run exactly
 * this code does the same, so one request serves both. What is asserted is what both
 * give: never a wording, nor which of its tools a model takes for a piece of Python.
 */
export const behaviours: readonly Behaviour[] = [
  {
    name: 'Python runs, and its output comes back',
    async holds(surroundings) {
      // A model that only guesses does not know the number.
      const turn = await ask(surroundings, python(`print(${token.a} * 3)`));
      assert.equal(turn.outcome, 'completed');
      assertSucceeded(turn, String(token.a * 3));
      assert.match(turn.container?.id ?? '', /^container_/);
      assert.ok(Date.parse(turn.container?.expiresAt ?? '') > Date.now());
    },
  },
  {
    name: 'bash runs, and its output comes back',
    async holds(surroundings) {
      const turn = await ask(surroundings, bash(`echo "$((${token.a} * 7))"`));
      assertSucceeded(turn, String(token.a * 7));
      assert.ok(turn.executions.some(({ kind }) => kind === 'bash'));
    },
  },
  {
    name: 'code that fails is data, and the turn is completed',
    async holds(surroundings) {
      const turn = await ask(surroundings, bash('ls /no-such-folder'), 'It fails on purpose: run it once.');
      assert.equal(turn.outcome, 'completed');
      const failed = turn.executions.find(({ status }) => status === 'failed');
      assert.ok(failed?.returnCode, `no execution failed: ${summary(turn)}`);
      assert.match(`${failed.stdout}${failed.stderr}`, /no-such-folder/);
    },
  },
  {
    name: 'a message of the SDK holds the same executions',
    async holds(surroundings) {
      const { client, model } = surroundings;
      const message = await client.messages.create({
        model,
        max_tokens: 4096,
        tools: [codeExecutionTool()],
        messages: [userMessage(prompt(python(`print(${token.a} * 9)`)))],
      });
      const executions = executionsOf(message);
      assert.ok(
        executions.some(({ status, stdout }) => status === 'succeeded' && stdout?.includes(`${token.a * 9}`)),
      );
    },
  },
  {
    name: 'events of a stream end with turn-end, and every call has its result',
    async holds(surroundings) {
      const stream = streamTurn(surroundings.client, params(surroundings, python('print("hello")')));
      const events: TurnEvent[] = [];
      for await (const event of stream) events.push(event);
      assert.equal(events[0]?.type, 'response-start');
      assert.equal(events.at(-1)?.type, 'turn-end');
      assert.deepEqual(
        events.map(({ seq }) => seq),
        events.map((_, index) => index),
      );
      const ids = (type: 'execution-start' | 'execution-end') =>
        events.flatMap((event) => (event.type === type ? [event.execution.id] : []));
      assert.ok(ids('execution-start').length > 0);
      assert.deepEqual(ids('execution-end').sort(), ids('execution-start').sort());
      const text = events.flatMap((event) => (event.type === 'text-delta' ? [event.text] : [])).join('');
      const turn = await stream.turn();
      assert.equal(text.replaceAll(/\s/g, ''), turn.text.replaceAll(/\s/g, ''));
    },
  },
  {
    name: 'a file in $OUTPUT_DIR comes back with its name and bytes',
    async holds(surroundings) {
      const { client, folder } = surroundings;
      const content = `${token.text}\nnaïve\n`;
      const code = `import os\nwith open(os.environ["OUTPUT_DIR"] + "/made.csv", "w") as file:\n    file.write(${JSON.stringify(content)})\nprint("written")`;
      const turn = await ask(surroundings, python(code));
      const artifact = turn.artifacts.find(({ name }) => name === 'made.csv');
      assert.ok(artifact, `no artifact made.csv: ${JSON.stringify(turn.artifacts)}`);
      try {
        assert.equal(artifact.sizeBytes, Buffer.byteLength(content));
        assert.equal(await (await downloadArtifact(client, artifact)).text(), content);
        const [saved] = await saveArtifacts(client, [artifact], folder);
        assert.equal(await readFile(saved?.path ?? '', 'utf8'), content);
      } finally {
        for (const { fileId } of turn.artifacts) await client.files.delete(fileId);
      }
    },
  },
  {
    name: 'an upload is readable under $INPUT_DIR',
    async holds(surroundings) {
      await withUpload(surroundings, async (file) => {
        const turn = await runTurn(
          surroundings.client,
          params(surroundings, bash(`cat "$INPUT_DIR/${file.filename}"`), '', [file.id]),
        );
        assertSucceeded(turn, token.text);
      });
    },
  },
  {
    name: 'an upload of an earlier, finished turn does not reach a fresh container',
    async holds(surroundings) {
      await withUpload(surroundings, async (file) => {
        const request = params(surroundings, bash('ls -A "$INPUT_DIR"; echo "listed"'));
        const messages = [
          { role: 'user' as const, content: [{ type: 'text' as const, text: 'Hi.' }, containerUpload(file)] },
          { role: 'assistant' as const, content: 'Hello. What shall I run?' },
          ...request.messages,
        ];
        const turn = await runTurn(surroundings.client, { ...request, messages });
        assert.ok(
          turn.executions.some(({ stdout }) => stdout?.includes('listed')),
          summary(turn),
        );
        assert.ok(!turn.executions.some(({ stdout }) => stdout?.includes(file.filename)), summary(turn));
      });
    },
  },
  {
    name: 'a container that is used again has the files of the turn before',
    async holds(surroundings) {
      const { client } = surroundings;
      const first = await ask(surroundings, bash(`echo ${token.text} > /tmp/kept.txt; echo "written"`));
      const request = params(surroundings, bash('cat /tmp/kept.txt'));
      // With the history: what came is sent back as it came.
      const messages = [...first.messages, ...request.messages];
      const second = await runTurn(client, { ...request, messages, container: first.container });
      assert.equal(second.container?.id, first.container?.id);
      assertSucceeded(second, token.text);
    },
  },
  {
    name: 'a request without a container gets a fresh one',
    async holds(surroundings) {
      const first = await ask(surroundings, bash('echo one'));
      const second = await ask(surroundings, bash('echo two'));
      assert.notEqual(second.container?.id, first.container?.id);
    },
  },
  {
    name: 'a turn that is aborted is interrupted',
    async holds(surroundings) {
      const controller = new AbortController();
      const turn = runTurn(surroundings.client, params(surroundings, bash('sleep 20')), {
        signal: controller.signal,
        onEvent: ({ type }) => type === 'response-start' && controller.abort(),
      });
      await assert.rejects(turn, (error) => isTurnInterruptedError(error) && error.code === 'aborted');
    },
  },
  {
    name: 'an unknown container is refused',
    async holds({ client, model }) {
      // Its 404 was seen, its body was not; ids that are malformed may be a 400.
      const request = { ...refusable(model), container: 'container_011CZzzzzzzzzzzzzzzzzzzz' };
      await assertRefused(client.messages.create(request), [404, 400]);
    },
  },
  {
    name: 'a container as {id} alone is refused',
    async holds(surroundings) {
      const { client, model } = surroundings;
      const { container } = await ask(surroundings, bash('echo one'));
      const refused = client.messages.create({ ...refusable(model), container: { id: container?.id ?? '' } });
      await assertRefused(refused, [400], /container/);
    },
  },
  {
    name: 'an unknown file is refused',
    async holds({ client, model }) {
      const messages = [userMessage('Hi.', { files: ['file_011CZzzzzzzzzzzzzzzzzzzz'] })];
      await assertRefused(client.messages.create({ ...refusable(model), messages }), [404, 400]);
    },
  },
  {
    name: 'temperature is refused under the API version that the SDK sends',
    async holds({ client, model }) {
      const request = { ...refusable(model), temperature: 1 };
      await assertRefused(
        client.messages.create(request),
        [400],
        /temperature: Extra inputs are not permitted/,
      );
    },
  },
  {
    name: 'an upload is described and listed, and cannot be downloaded',
    async holds(surroundings) {
      const { client } = surroundings;
      await withUpload(surroundings, async (file) => {
        const { filename, size_bytes, downloadable } = await client.files.retrieveMetadata(file.id);
        assert.deepEqual(
          { filename, size_bytes, downloadable },
          { filename: file.filename, size_bytes: Buffer.byteLength(token.text), downloadable: false },
        );
        const listed = await client.files.list({ ids: [file.id] });
        assert.deepEqual(
          listed.data.map(({ id }) => id),
          [file.id],
        );
        await assertRefused(client.files.download(file.id), [400]);
      });
    },
  },
  {
    name: 'a file that is deleted is gone',
    async holds(surroundings) {
      const { client, folder } = surroundings;
      const file = await upload(client, folder);
      assert.equal((await client.files.delete(file.id)).id, file.id);
      await assertRefused(client.files.retrieveMetadata(file.id), [404]);
      await assertRefused(client.files.delete(file.id), [404]);
    },
  },
  {
    name: 'the model is listed as one that can run code, and tokens are counted',
    async holds({ client, model }) {
      const { capabilities } = await client.models.retrieve(model);
      assert.equal(capabilities?.server_tools?.code_execution?.supported, true);
      const { max_tokens, ...counted } = refusable(model);
      assert.ok((await client.messages.countTokens(counted)).input_tokens > 0);
    },
  },
];

/** What no model can know, and what one run leaves another cannot be taken for. */
const token = {
  a: 100_000 + (randomBytes(4).readUInt32BE() % 900_000),
  text: randomBytes(8).toString('hex'),
};

const python = (code: string) => `\`\`\`python\n${code}\n\`\`\``;
const bash = (command: string) => `\`\`\`bash\n${command}\n\`\`\``;

function prompt(fence: string, more = ''): string {
  return `Run exactly this with the code execution tool, change nothing, then tell me what it printed. ${more}\n${fence}`;
}

function params({ model }: Surroundings, fence: string, more = '', files: readonly string[] = []) {
  return {
    model,
    max_tokens: 8192,
    system: artifactInstructions(),
    messages: [userMessage(prompt(fence, more), { files })],
  };
}

async function ask(surroundings: Surroundings, fence: string, more = ''): Promise<Turn> {
  return runTurn(surroundings.client, params(surroundings, fence, more));
}

/** A request whose answer nobody wants. */
function refusable(model: string) {
  return { model, max_tokens: 16, tools: [codeExecutionTool()], messages: [userMessage('Say hi.')] };
}

async function upload(client: Anthropic, folder: string) {
  const path = join(folder, `table-${token.text}.txt`);
  await writeFile(path, token.text);
  return uploadPath(client, path);
}

/** Uploads a file, and deletes it whatever becomes of it. */
async function withUpload(
  { client, folder }: Surroundings,
  use: (file: Awaited<ReturnType<typeof upload>>) => Promise<void>,
): Promise<void> {
  const file = await upload(client, folder);
  try {
    await use(file);
  } finally {
    await client.files.delete(file.id);
  }
}

function assertSucceeded(turn: Turn, output: string): void {
  const succeeded = turn.executions.some(
    ({ status, stdout }) => status === 'succeeded' && stdout?.includes(output),
  );
  assert.ok(succeeded, `no execution succeeded with ${output}: ${summary(turn)}`);
}

async function assertRefused(
  request: PromiseLike<unknown>,
  statuses: readonly number[],
  message = /./,
): Promise<void> {
  const error = await Promise.resolve(request).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Anthropic.APIError, `expected a refusal, got ${String(error ?? 'an answer')}`);
  assert.ok(
    statuses.includes(error.status),
    `expected status ${statuses.join(' or ')}, got ${error.message}`,
  );
  assert.match(error.message, message);
}

function summary({ outcome, executions }: Turn): string {
  return JSON.stringify({
    outcome,
    executions: executions.map(({ kind, status, stdout, stderr }) => ({ kind, status, stdout, stderr })),
  });
}
