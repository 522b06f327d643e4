import type Anthropic from '@anthropic-ai/sdk';
import type { Message, MessageCreateParamsNonStreaming, Tool } from '@anthropic-ai/sdk/resources/messages';
import {
  bash,
  callTool,
  cannedSandbox,
  type EmulatorOptions,
  inParallel,
  pause,
  python,
  say,
  search,
} from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { world } from '../../support/world.ts';

const CODE = { type: 'code_execution_20260120', name: 'code_execution' } as const;
const ROLL: Tool = {
  name: 'roll',
  input_schema: { type: 'object', properties: { player: { type: 'string' } } },
  allowed_callers: ['code_execution_20260120'],
};

const WEB = { type: 'web_search_20250305', name: 'web_search' } as const;

const PARAMS: MessageCreateParamsNonStreaming = {
  model: 'claude-opus-5-5',
  max_tokens: 1000,
  tools: [CODE, ROLL],
  messages: [{ role: 'user', content: 'Play.' }],
};

const start = ({ script, ...options }: EmulatorOptions) => world(script, options);

/** Runs a turn by hand, as a client does that nobody helps: each waiting call is answered by the function. */
async function turnOf(
  client: Anthropic,
  params: MessageCreateParamsNonStreaming,
  answer: (input: never) => string = () => '',
): Promise<Message[]> {
  const messages = [...params.messages];
  const responses: Message[] = [];
  let container: string | null = null;
  for (;;) {
    const response: Message = await client.messages.create({ ...params, messages, container });
    responses.push(response);
    container = response.container?.id ?? container;
    messages.push({ role: 'assistant', content: response.content });
    if (response.stop_reason === 'pause_turn') continue;
    const calls = response.content.filter((block) => block.type === 'tool_use');
    if (calls.length === 0) return responses;
    const content = calls.map(({ id, input }) => ({
      type: 'tool_result' as const,
      tool_use_id: id,
      content: answer(input as never),
    }));
    messages.push({ role: 'user', content });
  }
}

const typesOf = ({ content }: Message) => content.map(({ type }) => type);
const stdoutOf = (responses: readonly Message[]) =>
  responses
    .flatMap(({ content }) => content)
    .flatMap((block) => ('content' in block ? [block.content] : []))
    .flatMap((result) => (result && 'stdout' in result ? [result.stdout] : []));

describe('Python that calls tools', () => {
  const game = `
import asyncio
total = 0
for round in range(2):
    rolls = await asyncio.gather(roll({"player": "a"}), roll({"player": "b", "round": round}))
    total += sum(int(one) for one in rolls)
    print(round, rolls)
print(total)
`;

  it('waits for them over several responses, alone and gathered', async () => {
    const { client, emulator } = start({
      script: [say('I roll.'), python(game), say(({ stdout }) => stdout)],
    });
    let count = 0;
    const responses = await turnOf(client, PARAMS, () => String(++count));
    expect(responses.map(typesOf)).toEqual([
      ['text', 'server_tool_use', 'tool_use', 'tool_use'],
      ['tool_use', 'tool_use'],
      ['code_execution_tool_result', 'text'],
    ]);
    expect(responses.map(({ stop_reason }) => stop_reason)).toEqual(['tool_use', 'tool_use', 'end_turn']);
    expect(stdoutOf(responses)).toEqual(["0 ['1', '2']\n1 ['3', '4']\n10\n"]);
    // The container is named while code waits, and not once it has ended (recorded).
    expect(responses.map(({ container }) => Boolean(container))).toEqual([true, true, false]);
    const [call] = responses[0]?.content.filter(({ type }) => type === 'server_tool_use') ?? [];
    expect(responses[1]?.content[0]).toMatchObject({
      name: 'roll',
      input: { player: 'a' },
      caller: { type: 'code_execution_20260120', tool_id: (call as { id: string }).id },
    });
    expect(responses[1]?.usage).toMatchObject({ input_tokens: 0, output_tokens: 0 });
    emulator.assertDone();
  });

  it('streams a response of nothing but calls in two events', async () => {
    const { client } = start({ script: [python('print(await roll({}), await roll({}))')] });
    const first = await client.messages.create(PARAMS);
    const use = first.content[1] as { id: string };
    const messages: MessageCreateParamsNonStreaming['messages'] = [
      ...PARAMS.messages,
      { role: 'assistant', content: first.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: '1' }] },
    ];
    const container = first.container?.id ?? null;
    const stream = await client.messages.create({ ...PARAMS, messages, container, stream: true });
    const events = [];
    for await (const event of stream) events.push(event);
    expect(events.map(({ type }) => type)).toEqual(['message_start', 'message_stop']);
    expect(events[0]).toMatchObject({
      message: {
        content: [{ type: 'tool_use', name: 'roll' }],
        stop_reason: 'tool_use',
        container: { id: container },
      },
    });
  });

  it('begins anew when the response in which it goes on is aborted and asked for again at once', async () => {
    const { client } = start({ script: [python('print(await roll({}), await roll({}))')] });
    const first = await client.messages.create(PARAMS);
    const container = first.container?.id ?? null;
    const answered = (history: MessageCreateParamsNonStreaming['messages'], { content }: typeof first) => ({
      ...PARAMS,
      container,
      messages: [
        ...history,
        { role: 'assistant' as const, content },
        {
          role: 'user' as const,
          content: content.flatMap((block) =>
            block.type === 'tool_use'
              ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: '1' }]
              : [],
          ),
        },
      ],
    });
    const second = answered(PARAMS.messages, first);
    const stream = await client.messages.create({ ...second, stream: true });
    stream.controller.abort();
    const rolledAgain = await client.messages.create(second);
    const third = answered(second.messages, rolledAgain);
    const rolledTwice = await client.messages.create(third);
    const last = await client.messages.create(answered(third.messages, rolledTwice));
    expect(stdoutOf([last])).toEqual(['1 1\n']);
  });

  it('gets errors as exceptions, and a TimeoutError for a result that comes too late', async () => {
    const code = `
for player in ["a", "b"]:
    try:
        print(await roll({"player": player}))
    except Exception as error:
        print(type(error).__name__, error)
`;
    let time = Date.parse('2026-11-22T10:00:00Z');
    const { client } = start({ script: [python(code)], now: () => new Date(time) });
    const responses = await turnOf(client, PARAMS, ({ player }: { player: string }) => {
      if (player === 'b') time += 271_000;
      return '6';
    });
    expect(stdoutOf(responses)).toEqual([
      "6\nTimeoutError Calling tool ['roll'] timed out (no response after 270s).\n",
    ]);
  });

  it.each([
    ['a version without it', { tools: [{ ...CODE, type: 'code_execution_20250825' as const }, ROLL] }],
    ['a tool that does not allow it', { tools: [CODE, { ...ROLL, allowed_callers: ['direct' as const] }] }],
    ['Haiku 4.5', { model: 'claude-haiku-4-5' }],
  ])('has no such function with %s', async (_, params) => {
    const { client } = start({ script: [python('await roll({})')] });
    const { content } = await client.messages.create({ ...PARAMS, ...params });
    expect(content[1]).toMatchObject({
      content: { return_code: 1, stderr: expect.stringContaining('NameError') },
    });
  });

  it('works in a canned sandbox, too, and for many conversations at once', async () => {
    const sandbox = cannedSandbox(async ({ source, tools }) => {
      const [reply] = await tools.call([{ name: 'roll', input: { player: source } }]);
      return { stdout: `${source} ${reply?.text}` };
    });
    const { client } = start({
      sandbox,
      script: ({ text }) => [python(text), pause(), say(({ stdout }) => stdout)],
    });
    const names = Array.from({ length: 50 }, (_, index) => `p${index}`);
    const texts = await Promise.all(
      names.map(async (name) => {
        const messages = [{ role: 'user' as const, content: name }];
        const responses = await turnOf(
          client,
          { ...PARAMS, messages },
          ({ player }: { player: string }) => `${player}!`,
        );
        return responses.at(-1)?.content.at(-1);
      }),
    );
    expect(texts).toEqual(names.map((name) => ({ type: 'text', text: `${name} ${name}!` })));
  });
});

describe('calls that are left open', () => {
  it('by a pause: the result opens the next response', async () => {
    const { client } = start({
      script: [pause(bash('echo hi')), say('Done.'), pause(search('x')), say('Found.')],
    });
    const responses = await turnOf(client, { ...PARAMS, tools: [CODE, WEB] });
    expect(responses.map(typesOf)).toEqual([
      ['server_tool_use'],
      ['bash_code_execution_tool_result', 'text', 'server_tool_use'],
      ['web_search_tool_result', 'text'],
    ]);
  });

  it('beside a call of one’s own tool', async () => {
    const { client } = start({
      script: [inParallel(bash('echo hi'), callTool('roll', { player: 'a' })), say('Done.')],
    });
    const responses = await turnOf(client, PARAMS, () => '1');
    expect(responses.map(typesOf)).toEqual([
      ['server_tool_use', 'tool_use'],
      ['bash_code_execution_tool_result', 'text'],
    ]);
  });

  it('in a history that another service wrote', async () => {
    const { client } = start({ script: [say('Done.')] });
    const call = {
      type: 'server_tool_use',
      id: 'srvtoolu_1',
      name: 'bash_code_execution',
      input: { command: 'echo $((6*7))' },
    };
    const { content } = await client.messages.create({
      ...PARAMS,
      messages: [...PARAMS.messages, { role: 'assistant', content: [call as never] }],
    });
    expect(content[0]).toMatchObject({ tool_use_id: 'srvtoolu_1', content: { stdout: '42\n' } });
  });
});

describe('variables', () => {
  const cells = [
    python('import math, json as j\nfrom dataclasses import dataclass\nrows = [1, 2]\nsame = rows'),
    python(
      'def area(r):\n    return math.pi * r * r\n\n@dataclass\nclass Point:\n    x: int\np = Point(3)\nboom = 1 / 0',
    ),
    python('same.append(3)\nprint(rows, round(area(1), 2), j.dumps(p.x), isinstance(p, Point))'),
    python('numbers = (n for n in rows)'),
    python('print(next(numbers))'),
  ];

  it('persist over cells and responses from 20260120 on, also those of a cell that failed', async () => {
    const { client } = start({ script: [...cells.slice(0, 2), pause(), ...cells.slice(2, 3)] });
    expect(stdoutOf(await turnOf(client, PARAMS))).toEqual(['', '', '[1, 2, 3] 3.14 3 True\n']);
  });

  it('that cannot be carried over are named where they are missed', async () => {
    const { client } = start({ script: cells });
    const { content } = await client.messages.create(PARAMS);
    expect(content.at(-1)).toMatchObject({
      content: {
        stderr: expect.stringMatching(
          /NameError: name 'numbers'[\s\S]*emulator: numbers is not here: a generator/,
        ),
      },
    });
  });

  it('do not persist before', async () => {
    const { client } = start({ script: [python('x = 1'), python('print(x)')] });
    const { content } = await client.messages.create({
      ...PARAMS,
      tools: [{ ...CODE, type: 'code_execution_20250522' }],
    });
    expect(content.at(-1)).toMatchObject({
      content: { stderr: expect.stringContaining("NameError: name 'x'") },
    });
  });
});

it('tracebacks name the cell and its line', async () => {
  const { client } = start({ script: [python('x = {}\n\nprint(x[:3])')] });
  const { content } = await client.messages.create(PARAMS);
  expect(content.at(-1)).toMatchObject({
    content: {
      stderr: expect.stringMatching(
        /^Traceback \(most recent call last\):\n {2}File "\/tmp\/srvtoolu_\w+\/cell.py", line 3, in <module>\n {4}print/,
      ),
    },
  });
});

it('web tools are called from code without the caller’s help', async () => {
  const code = `
import json
page = json.loads(await web_fetch({"url": "https://example.com"}))
print(page["content"]["source"]["data"], len(json.loads(await web_search({"query": "x"}))))
`;
  const web = { fetch: () => 'Hello.', search: () => [{ title: 'X', url: 'https://example.com' }] };
  const { client } = start({ script: [python(code)], web });
  const tools: MessageCreateParamsNonStreaming['tools'] = [
    { type: 'web_fetch_20260209', name: 'web_fetch' },
    { type: 'web_search_20260209', name: 'web_search' },
  ];
  const message = await client.messages.create({ ...PARAMS, tools });
  expect(typesOf(message)).toEqual([
    'server_tool_use',
    'server_tool_use',
    'web_fetch_tool_result',
    'server_tool_use',
    'web_search_tool_result',
    'code_execution_tool_result',
  ]);
  expect(message.usage.server_tool_use).toEqual({ web_fetch_requests: 1, web_search_requests: 1 });
  const { content } = message.content.at(-1) as { content: { type: string; encrypted_stdout: string } };
  expect(content.type).toBe('encrypted_code_execution_result');
  expect(atob(content.encrypted_stdout)).toBe('Hello. 1\n');
});

it('what code prints comes as it is, also without a line end', async () => {
  const code = 'import sys\nprint("a\\n\\nb", end="")\nprint("err", end="", file=sys.stderr)';
  const { client } = start({ script: [python(code), python('pass')] });
  const { content } = await client.messages.create(PARAMS);
  expect(content).toMatchObject([
    {},
    { content: { stdout: 'a\n\nb', stderr: 'err' } },
    {},
    { content: { stdout: '' } },
  ]);
});
