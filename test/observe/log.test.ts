import Anthropic from '@anthropic-ai/sdk';
import { jsonSchemaOutputFormat } from '@anthropic-ai/sdk/helpers/json-schema';
import { type MessagesClient, runTurn, streamTurn } from 'code-execution-kit';
import { bash, cannedSandbox, create, createEmulator, type Step, say } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { params } from '../support/world.ts';

const SECRET = 'sesame';
const inert = [
  { role: 'user' as const, content: [{ type: 'container_upload' as const, file_id: 'file_1' }] },
  { role: 'assistant' as const, content: 'Hm.' },
  { role: 'user' as const, content: 'Go.' },
];
const warned = [[expect.stringMatching(/^code-execution-kit: inert-upload: file_1: uploaded in an earlier/)]];

type Level = 'off' | 'error' | 'warn' | 'info' | 'debug';

/** A client whose logger keeps what it is given; what the SDK itself logs is of other levels. */
function logging(logLevel: Level, script: readonly Step[], warn?: (message: string) => unknown) {
  const lines: unknown[][] = [];
  const others: unknown[][] = [];
  const other = (...line: unknown[]) => void others.push(line);
  const logger = {
    warn: (...line: unknown[]) => {
      lines.push(line);
      return warn?.(String(line[0]));
    },
    error: other,
    info: other,
    debug: other,
  };
  const { fetch } = createEmulator({ script, sandbox: cannedSandbox(() => ({ stdout: SECRET })) });
  const client = new Anthropic({ apiKey: 'none', fetch, logger: logger as never, logLevel });
  return { client, lines, others };
}

describe('a notice', () => {
  it.each<[Level, unknown[][]]>([
    ['off', []],
    ['error', []],
    ['warn', warned],
    ['info', warned],
    ['debug', warned],
  ])('goes to the logger of the client at the level %s as that admits warnings', async (level, expected) => {
    const { client, lines } = logging(level, [say('Done.')]);
    const { notices } = await runTurn(client, { ...params, messages: inert });
    expect(notices).toHaveLength(1);
    expect(lines).toEqual(expected);
  });

  it.each<[string, (client: Anthropic) => MessagesClient]>([
    ['client.beta', ({ beta }) => beta],
    ['a clone', (client) => client.withOptions({ maxRetries: 0 })],
  ])('of %s goes to the same logger', async (_, of) => {
    const { client, lines } = logging('warn', [say('Done.')]);
    await runTurn(of(client), { ...params, messages: inert });
    expect(lines).toEqual(warned);
  });

  it.each([
    [
      'that throws',
      () => {
        throw new Error('disk full');
      },
    ],
    ['that fails later', () => Promise.reject(new Error('disk full'))],
  ])('to a logger %s changes nothing', async (_, warn) => {
    const { client, lines } = logging('warn', [say('Done.')], warn);
    expect(await runTurn(client, { ...params, messages: inert })).toMatchObject({ outcome: 'completed' });
    expect(lines).toHaveLength(1);
  });

  it('that holds what Claude wrote, or a listener says, is logged without it', async () => {
    const script = [create(`/tmp/${SECRET}.txt`, SECRET), say(SECRET)];
    const { client, lines } = logging('warn', script);
    const format = jsonSchemaOutputFormat({ type: 'object', additionalProperties: false } as const);
    const onEvent = () => {
      throw new Error(SECRET);
    };
    const turn = await runTurn(client, { ...params, output_config: { format } }, { onEvent });
    const codes = ['listener-failed', 'files-not-captured', 'answer-not-parsed'];
    expect(turn.notices.map(({ code }) => code)).toEqual(codes);
    expect(JSON.stringify(turn.notices)).toContain(SECRET);
    expect(lines).toEqual(
      codes.map((code) => [`code-execution-kit: ${code}: turn.notices has its message.`]),
    );
  });
});

it('a turn without notices logs nothing that the SDK does not', async () => {
  const script = [bash(`echo ${SECRET}`), say(SECRET)];
  const own = ({ others, lines }: ReturnType<typeof logging>) =>
    [...others, ...lines].filter((line) => JSON.stringify(line).includes('code-execution-kit'));
  const world = logging('debug', script);
  for await (const _ of streamTurn(world.client, params));
  expect(world.lines).toEqual([]);
  expect(own(world)).toEqual([]);
});
