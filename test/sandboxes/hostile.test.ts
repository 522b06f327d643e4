import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import type {
  Message,
  MessageCreateParamsNonStreaming,
  MessageParam,
} from '@anthropic-ai/sdk/resources/messages';
import {
  bash,
  cannedSandbox,
  cutAfter,
  type EmulatorOptions,
  httpError,
  pause,
  python,
  type SandboxFactory,
  type Step,
  say,
  stallAfter,
  stop,
  systemSandbox,
} from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { world } from '../support/world.ts';

const CODE = { type: 'code_execution_20260120', name: 'code_execution' } as const;
const tool = (name: string) => ({
  name,
  input_schema: { type: 'object' as const },
  allowed_callers: ['code_execution_20260120' as const],
});
const params: MessageCreateParamsNonStreaming = {
  model: 'claude-opus-5-5',
  max_tokens: 1000,
  tools: [CODE, tool('f')],
  messages: [{ role: 'user', content: 'Go.' }],
};
const hasBubblewrap = ((): boolean => {
  try {
    return execFileSync('bwrap', ['--version']).length > 0;
  } catch {
    return false;
  }
})();
const SANDBOXES: [string, SandboxFactory | undefined][] = [
  ['just-bash', undefined],
  ...(hasBubblewrap ? [['bubblewrap', systemSandbox()] as [string, SandboxFactory]] : []),
];

/** Runs a turn by hand; each call is answered with its number. */
async function drive(client: Anthropic, sent = params, most = 10): Promise<Message[]> {
  const messages: MessageParam[] = [...sent.messages];
  const responses: Message[] = [];
  let container = (sent.container ?? null) as string | null;
  for (let count = 0; responses.length < most; ) {
    const response: Message = await client.messages.create({ ...sent, messages, container });
    responses.push(response);
    container = response.container?.id ?? container;
    messages.push({ role: 'assistant', content: response.content });
    const calls = response.content.filter(({ type }) => type === 'tool_use') as { id: string }[];
    if (calls.length === 0) return responses;
    const content = calls.map(({ id }) => ({
      type: 'tool_result' as const,
      tool_use_id: id,
      content: String(++count),
    }));
    messages.push({ role: 'user', content });
  }
  throw new Error('it goes on for ever');
}

type Result = { stdout: string; stderr: string; return_code: number; content: object[] };
const resultsOf = (responses: readonly Message[]): Result[] =>
  responses
    .flatMap(({ content }) => content)
    .flatMap((block) =>
      'content' in block && block.content && 'return_code' in block.content ? [block.content as Result] : [],
    );
const run = async (script: readonly Step[], options?: EmulatorOptions) => {
  const { client, emulator } = world(script, options);
  const results = resultsOf(await drive(client));
  await emulator[Symbol.asyncDispose]();
  return results;
};

describe.each(SANDBOXES)('in %s', (name, sandbox) => {
  const options = { sandbox };

  it.each([
    ['a number that JSON writes otherwise', 'print(await f({"x": 1.0}))', '1\n'],
    ['an id that differs each time', 'import uuid\nprint(await f({"x": str(uuid.uuid4())}))', '1\n'],
    [
      'the order of a set',
      'print(sorted([await f({"k": k}) for k in {"aa", "bb", "cc", "dd"}]))',
      "['1', '2', '3', '4']\n",
    ],
    ['exceptions around it', 'try:\n  print(await f({}))\nfinally:\n  print("done")', '1\ndone\n'],
    ['asyncio.run', 'import asyncio\nasync def m():\n  return await f({})\nprint(asyncio.run(m()))', '1\n'],
    [
      'a task group and a timeout',
      'import asyncio\nasync def m():\n  async with asyncio.TaskGroup() as g:\n    t = [g.create_task(f({"i": i})) for i in range(2)]\n  return [one.result() for one in t]\nprint(await asyncio.wait_for(m(), 5))',
      "['1', '2']\n",
    ],
  ])('a call from code survives %s', async (_, code, stdout) => {
    const [result] = await run([python(code)], options);
    expect(result).toMatchObject({ stdout, return_code: 0 });
  });

  it('a call that differs each time ends', async () => {
    const code = 'import datetime\nprint(await f({"x": str(datetime.datetime.now())}))';
    const { client } = world([python(code)], options);
    const outcome = await drive(client, params, 30).then(resultsOf);
    expect(outcome).toMatchObject([
      name === 'bubblewrap'
        ? { stdout: '1\n' }
        : { stderr: expect.stringContaining('gets another input each time') },
    ]);
  });

  it('a call that is no JSON is an exception of the code', async () => {
    const [result] = await run([python('await f({"x": float("nan")})')], options);
    expect(result).toMatchObject({ return_code: 1, stderr: expect.stringContaining('ValueError') });
  });

  it('a result that comes too late ends the code with return code 0', async () => {
    let time = 0;
    const { client } = world([python('print(await f({}))')], { ...options, now: () => new Date(time) });
    const first = await client.messages.create(params);
    time += 271_000;
    const { id } = first.content.at(-1) as { id: string };
    const second = await client.messages.create({
      ...params,
      container: first.container?.id ?? null,
      messages: [
        ...params.messages,
        { role: 'assistant', content: first.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: id }] },
      ],
    });
    expect(resultsOf([second])).toMatchObject([
      { return_code: 0, stderr: expect.stringMatching(/TimeoutError: Calling tool \['f'\] timed out/) },
    ]);
  });

  it('long commands and NUL characters are run', async () => {
    const [long, nul] = await run(
      [bash(`cat > /tmp/f <<EOF\n${'x'.repeat(200_000)}\nEOF\nwc -c < /tmp/f`), bash('echo a\u0000b')],
      options,
    );
    expect(Number(long?.stdout)).toBe(200_001);
    expect(nul?.stdout).toMatch(/^a.?b\n$/);
  });

  it('variables survive one that cannot be read back, and registrations happen once', async () => {
    const cells = [
      'from collections import namedtuple\nP = namedtuple("P", "x y")\np = P(1, 2)\nn = 5\ndef h(): return 1',
      'h = lambda: 2\nreg = []\ndef add(f):\n  reg.append(f.__name__)\n  return f\n@add\ndef a(): print("never")',
      'try:\n  import json as j\nexcept ImportError: pass\nimport asyncio\nasync def m(): return n\ndef go(): return asyncio.run(m())',
      'print(n, reg, j.dumps(n), go())',
    ];
    const results = await run(cells.map(python), options);
    expect(results.at(-1)).toMatchObject({ stdout: "5 ['a'] 5 5\n" });
    // What a name means last is what counts: never its older definition.
    const [, , shown] = await run(
      [python('def h(): return 1'), python('h = lambda: 2'), python('print(h())')],
      options,
    );
    expect(shown?.stdout).toBe(name === 'bubblewrap' ? '2\n' : '');
  });

  it('output that cannot be read is left out, and the rest comes', async () => {
    const [result] = await run(
      [
        bash(
          'cd "$OUTPUT_DIR"; echo 1 > a; echo 2 > secret; mkdir folder; ln -s /nowhere link; chmod 000 secret',
        ),
      ],
      options,
    );
    expect(result?.content.length).toBeGreaterThanOrEqual(1);
    expect(result?.return_code).toBe(0);
  });
});

describe.skipIf(!hasBubblewrap)('the system sandbox', () => {
  const options = { sandbox: systemSandbox() };

  it('holds no file of the process that started it', async () => {
    const [tsx, program] = ['../../node_modules/tsx/dist/cli.mjs', './inherited-files.ts'].map((path) =>
      fileURLToPath(new URL(path, import.meta.url)),
    ) as [string, string];
    const command = ['-c', 'exec 200<package.json; exec "$@"', 'bash', process.execPath, tsx, program];
    const child = spawn('bash', command, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (piece) => {
      text += piece;
    });
    await once(child, 'close');
    const { stdout, stderr } = JSON.parse(text);
    expect(stderr).toMatch(/200: Bad file descriptor/);
    expect(stdout.trim().split('\n')).toEqual(['0', '1', '2', '3']);
  });

  it('tells of code that no exception ends', async () => {
    const stubborn =
      'print("begun", flush=True)\nimport time\nwhile True:\n  try:\n    time.sleep(1)\n  except BaseException: pass';
    const [result] = await run([python(stubborn)], { ...options, timeoutMs: 300 });
    expect(result).toMatchObject({ stdout: 'begun\n', stderr: expect.stringContaining('detection_timeout') });
  });

  it.each([
    ['a number', '5'],
    ['a result', '{"returnCode": 0}'],
    ['a call of no tool', '{"calls": [{"name": "zz", "text": "{}"}]}'],
  ])('survives code that writes %s where only the driver may', async (_, line) => {
    const [, after] = await run(
      [python(`import os, time\nos.write(4, b'${line}\\n')\ntime.sleep(0.2)`), python('print(1)')],
      options,
    );
    expect(after).toMatchObject({ stdout: '1\n' });
  });

  it('survives code that removes the driver', async () => {
    const [, , after] = await run(
      [bash('rm -rf /var/lib/cells/*'), python('import os; os._exit(1)'), python('print(1)')],
      options,
    );
    expect(after).toMatchObject({ stdout: '1\n' });
  });

  it('runs tools from threads', async () => {
    const code = `
import asyncio
from concurrent.futures import ThreadPoolExecutor
async def m(i):
    return [await f({"i": i, "n": n}) for n in range(2)]
with ThreadPoolExecutor(3) as pool:
    print(sorted(sum(pool.map(lambda i: asyncio.run(m(i)), range(3)), [])))
`;
    const [result] = await run([python(code)], { ...options, timeoutMs: 5000 });
    expect(result).toMatchObject({ stdout: "['1', '2', '3', '4', '5', '6']\n" });
  });

  it('leaves nothing after when it is disposed of while it begins', async () => {
    const folders = () =>
      readdirSync(tmpdir()).filter((one) => one.startsWith('code-execution-emulator-')).length;
    const before = folders();
    const { client, emulator } = world([bash('true')], options);
    const asked = client.messages.create(params).catch((error) => error);
    await emulator[Symbol.asyncDispose]();
    await asked;
    await expect.poll(folders).toBe(before);
  });
});

describe('streams', () => {
  it('that stall are ended by an abort', async () => {
    const { client, emulator } = world([say('Hello there.')]);
    emulator.inject(stallAfter(2));
    const controller = new AbortController();
    const stream = client.messages.stream(params, { signal: controller.signal });
    stream.once('streamEvent', () => controller.abort());
    await expect(stream.finalMessage()).rejects.toBeInstanceOf(Anthropic.APIUserAbortError);
  });

  it('that were cut can be asked for again, with the same steps', async () => {
    const { client, emulator } = world(() => [say('One.'), pause(), say('Two.')]);
    const first = await client.messages.create(params);
    const next = {
      ...params,
      messages: [...params.messages, { role: 'assistant' as const, content: first.content }],
    };
    emulator.inject(cutAfter(3));
    await expect(client.messages.stream(next).finalMessage()).rejects.toThrow();
    expect((await client.messages.create(next)).content).toMatchObject([{ text: 'Two.' }]);
    emulator.assertDone();
  });

  it('that bring the results of code can be asked for again: the code begins anew', async () => {
    const sandbox = cannedSandbox(async ({ tools }) => ({
      stdout: (await tools.call([{ name: 'f', input: {} }]))[0]?.text ?? '',
    }));
    const { client, emulator } = world([python('…'), say('Done.')], { sandbox });
    const first = await client.messages.create(params);
    const { id } = first.content.at(-1) as { id: string };
    const next: MessageCreateParamsNonStreaming = {
      ...params,
      container: first.container?.id ?? null,
      messages: [
        ...params.messages,
        { role: 'assistant', content: first.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'x' }] },
      ],
    };
    emulator.inject(cutAfter(2));
    await expect(client.messages.stream(next).finalMessage()).rejects.toThrow();
    const responses = await drive(client, next);
    expect(responses.at(-1)?.content.at(-1)).toMatchObject({ text: 'Done.' });
  });
});

describe('requests', () => {
  it('of two messages of the user are read as one', async () => {
    const { client } = world([bash('ls "$INPUT_DIR"')]);
    const file = await client.files.upload({ file: new File(['x'], 'a.csv') });
    const messages: MessageParam[] = [
      { role: 'user', content: [{ type: 'container_upload', file_id: file.id }] },
      { role: 'user', content: 'Look.' },
    ];
    expect(resultsOf([await client.messages.create({ ...params, messages })])[0]?.stdout).toBe('a.csv\n');
  });

  it.each([
    ['a tool of type null', { tools: [{ ...tool('a'), type: null, allowed_callers: undefined }] }],
    ['no tools', { tools: null }],
    ['max_tokens 0', { max_tokens: 0 }],
  ])('with %s are taken', async (_, more) => {
    const { client } = world([say('Hello.')]);
    await client.messages.create({ ...params, ...(more as object) });
  });

  it('that go on in another container than the code that waits are refused', async () => {
    const sandbox = cannedSandbox(async ({ tools }) => ({
      stdout: (await tools.call([{ name: 'f', input: {} }]))[0]?.text ?? '',
    }));
    const { client } = world([bash('true'), stop(), python('…')], {
      sandbox,
    });
    const { container: other } = await client.messages
      .create({ ...params, tools: [CODE] })
      .catch(() => ({ container: null }));
    const first = await client.messages.create(params);
    const { id } = first.content.at(-1) as { id: string };
    const content = [{ type: 'tool_result' as const, tool_use_id: id }];
    const messages: MessageParam[] = [
      ...params.messages,
      { role: 'assistant', content: first.content },
      { role: 'user', content },
    ];
    if (other)
      await expect(
        client.messages.create({ ...params, container: other.id, messages }),
      ).rejects.toMatchObject({ status: 400 });
    const beside: MessageParam[] = [...messages, { role: 'system', content: 'Be brief.' } as never];
    const container = first.container?.id ?? null;
    await expect(client.messages.create({ ...params, container, messages: beside })).rejects.toMatchObject({
      status: 400,
    });
  });

  it('with a schema that refers to itself in many ways, but in no circle, are read at once', async () => {
    const levels = Object.fromEntries(
      Array.from({ length: 40 }, (_, level) => [
        `l${level}`,
        { allOf: [1, 2].map(() => ({ $ref: `#/$defs/l${level + 1}` })) },
      ]),
    );
    const schema = { type: 'object' as const, $ref: '#/$defs/l0', $defs: levels };
    const { client } = world([say('Hello.')]);
    await client.messages.create({ ...params, tools: [CODE, { ...tool('f'), input_schema: schema }] });
  });
});

describe('files', () => {
  it('are listed each once while they are deleted and added', async () => {
    const { client, emulator } = world([]);
    for (let index = 0; index < 6; index++)
      await client.files.upload({ file: new File(['x'], `${index}.txt`) });
    const listed: string[] = [];
    for await (const { id, filename } of client.files.list({ limit: 2 })) {
      listed.push(filename);
      await client.files.upload({ file: new File(['x'], 'new.txt') });
      await client.files.delete(id);
    }
    expect(listed).toEqual(['5.txt', '4.txt', '3.txt', '2.txt', '1.txt', '0.txt']);
    expect(emulator.files.map(({ filename }) => filename)).toEqual(Array(6).fill('new.txt'));
  });

  it('with names of many bytes are mounted, and folders are no names', async () => {
    const { client } = world([bash('ls "$INPUT_DIR" | wc -c')]);
    const file = await client.files.upload({ file: new File(['x'], `${'é'.repeat(150)}.csv`) });
    const messages: MessageParam[] = [
      { role: 'user', content: [{ type: 'container_upload', file_id: file.id }] },
    ];
    expect(
      Number(resultsOf([await client.messages.create({ ...params, messages })])[0]?.stdout),
    ).toBeLessThanOrEqual(256);
    await expect(client.files.upload({ file: new File(['x'], '..') })).rejects.toMatchObject({ status: 400 });
  });

  it('that code removed are there again when they are sent again', async () => {
    const { client } = world([bash('rm "$INPUT_DIR"/*'), stop(), bash('ls "$INPUT_DIR"')]);
    const file = await client.files.upload({ file: new File(['x'], 'a.csv') });
    const messages: MessageParam[] = [
      { role: 'user', content: [{ type: 'container_upload', file_id: file.id }] },
    ];
    const { container } = await client.messages.create({ ...params, messages });
    const again = await client.messages.create({ ...params, messages, container: container?.id ?? null });
    expect(resultsOf([again])[0]?.stdout).toBe('a.csv\n');
  });
});

it('a batch is over when it is listed, takes no streams, and expires', async () => {
  let time = 0;
  const { client } = world(() => [say('Hello.')], { now: () => new Date(time) });
  const create = (more: object) =>
    client.messages.batches.create({
      requests: [{ custom_id: 'a', params: { ...params, ...more } as never }],
    });
  await create({ stream: true });
  const { data } = await client.messages.batches.list();
  expect(data).toMatchObject([{ processing_status: 'ended', request_counts: { errored: 1 } }]);
  const { id } = await create({});
  time += 86_400_001;
  expect(await client.messages.batches.retrieve(id)).toMatchObject({
    request_counts: { expired: 1, succeeded: 0 },
  });
});

describe('faults of a test’s author', () => {
  it.each<[string, EmulatorOptions]>([
    [
      'the script',
      {
        script: () => {
          throw new Error('boom');
        },
      },
    ],
    ['a script that gives no list', { script: (async () => []) as never }],
    [
      'a canned result',
      {
        script: [bash('x')],
        sandbox: cannedSandbox(() => {
          throw new Error('boom');
        }),
      },
    ],
    [
      'a result of another form',
      { script: [bash('x')], sandbox: cannedSandbox(() => ({ stdout: 5 }) as never) },
    ],
    ['a sandbox that was not made', { script: [bash('x')], sandbox: cannedSandbox as never }],
    [
      'a sandbox that cannot be made',
      { script: [bash('x')], sandbox: () => Promise.reject(new Error('boom')) },
    ],
    [
      'the web',
      {
        script: [python('await web_fetch({"url": "x"})')],
        web: {
          fetch: () => {
            throw new Error('boom');
          },
        },
      },
    ],
  ])('in %s are answered with a 400 that names them', async (_, options) => {
    const { client } = world(options.script, options);
    const tools = [CODE, { type: 'web_fetch_20260209' as const, name: 'web_fetch' as const }];
    const error = await client.messages.create({ ...params, tools }).catch((one) => one);
    expect(error).toMatchObject({
      status: 400,
      message: expect.stringMatching(/emulator: .*(failed|must|cannot)/),
    });
  });

  it('are steps in the wrong place', () => {
    expect(() => world([pause(say('x') as never)])).toThrow(
      /script\[0\]: pause\(\) takes python.*got say\(\)/,
    );
  });

  it('are faults that no request came for', () => {
    const { emulator } = world([]);
    emulator.inject(httpError(529));
    expect(() => emulator.assertDone()).toThrow(/1 injected faults met no POST/);
    expect(() => httpError(200)).toThrow(/from 400 to 599/);
    expect(() => cutAfter(-1)).toThrow(/at least 0/);
  });
});

it('a text is about its own conversation', async () => {
  const { client } = world(({ text }) => [
    ...(text === 'A' ? [bash('echo secret')] : []),
    say(({ stdout }) => `[${stdout.trim()}]`),
  ]);
  const ask = (text: string) =>
    client.messages.create({ ...params, messages: [{ role: 'user', content: text }] });
  expect((await ask('A')).content.at(-1)).toMatchObject({ text: '[secret]' });
  expect((await ask('B')).content.at(-1)).toMatchObject({ text: '[]' });
});

it('skills are named only where they were asked for', async () => {
  const { client } = world([say('a'), stop(), say('b')]);
  const { container } = await client.messages.create({
    ...params,
    container: { skills: [{ type: 'anthropic', skill_id: 'pdf' }] },
  });
  expect(container?.skills).toHaveLength(1);
  const again = await client.messages.create({ ...params, container: container?.id ?? null });
  expect(again.container).not.toHaveProperty('skills');
});

it('documented models are there, under their aliases, too', async () => {
  const { client } = world([]);
  for (const id of [
    'claude-opus-5',
    'claude-sonnet-5',
    'claude-opus-4-8',
    'claude-fable-5-1',
    'claude-haiku-4-5',
    'claude-sonnet-4-6',
  ])
    expect((await client.models.retrieve(id)).capabilities?.server_tools.code_execution.supported).toBe(true);
  expect(readFileSync('docs/emulator.md', 'utf8')).toContain('Dates and limits of models');
});
