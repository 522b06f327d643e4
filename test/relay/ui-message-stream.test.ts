import { streamTurn } from 'code-execution-kit';
import { bash, fails, pause, python, say, think } from 'code-execution-kit/emulator';
import { toUIMessageStreamResponse } from 'code-execution-kit/relay';
import { describe, expect, it } from 'vitest';
import { params, thrownBy, world } from '../support/world.ts';

interface Chunk {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** What was sent, and how it ended. */
async function chunksOf(from: Response): Promise<{ chunks: Chunk[]; end: string | undefined }> {
  const lines = (await from.text()).split('\n\n').filter((line) => line.startsWith('data: '));
  const texts = lines.map((line) => line.slice('data: '.length));
  const end = texts.pop();
  return { chunks: texts.map((text) => JSON.parse(text)), end };
}

// `test/peers` reads such streams with the AI SDK itself.
describe('toUIMessageStreamResponse', () => {
  it('gives chunks in the order of the turn, and [DONE] at the end', async () => {
    const { client } = world([
      think('Hm.'),
      say('First.'),
      python('print("é\\n")'),
      pause(),
      fails(bash('x'), 'unavailable'),
      say('Done.'),
    ]);
    let saved = '';
    const response = toUIMessageStreamResponse(streamTurn(client, params), {
      messageId: 'one',
      onFinish: (turn) => {
        saved = turn.answer;
      },
    });
    expect(response.headers.get('x-vercel-ai-ui-message-stream')).toBe('v1');
    const { chunks, end } = await chunksOf(response);
    expect([end, saved]).toEqual(['[DONE]', 'Done.']);
    const told = chunks
      .map(({ type }) => type)
      .filter((type, at, all) => type !== 'data-usage' && type !== all[at - 1]);
    expect(told).toEqual([
      'start',
      'start-step',
      'reasoning-start',
      'reasoning-delta',
      'reasoning-end',
      'text-start',
      'text-delta',
      'text-end',
      'tool-input-start',
      'tool-input-delta',
      'tool-input-available',
      'tool-output-available',
      'finish-step',
      'data-pause',
      'start-step',
      'tool-input-start',
      'tool-input-delta',
      'tool-input-available',
      'tool-output-error',
      'text-start',
      'text-delta',
      'text-end',
      'finish-step',
      'finish',
    ]);
    const [cell] = chunks.filter(({ type }) => type === 'tool-input-start');
    const written = chunks
      .filter(({ type, toolCallId }) => type === 'tool-input-delta' && toolCallId === cell?.['toolCallId'])
      .map(({ inputTextDelta }) => inputTextDelta)
      .join('');
    expect(written).toBe('{"code":"print(\\"é\\\\n\\")');
  });

  it('gives no file without its address, and none where the address fails', async () => {
    const code = "import os\nopen(os.environ['OUTPUT_DIR'] + '/a.csv', 'w').write('x')";
    const failing = () => {
      throw new Error('no address');
    };
    for (const fileUrl of [undefined, () => undefined, failing]) {
      const stream = streamTurn(world([python(code)]).client, params);
      const { chunks } = await chunksOf(toUIMessageStreamResponse(stream, { fileUrl }));
      expect(chunks.filter(({ type }) => type === 'file')).toEqual([]);
      expect(chunks.findLast(({ type }) => type === 'data-artifact')).toMatchObject({
        data: { name: 'a.csv' },
      });
    }
  });

  it('refuses wrong options before anything begins', async () => {
    const { client, posts } = world([say('Hi.')]);
    const wrong = { fileUrl: '/files' as never };
    const error = await thrownBy(() => toUIMessageStreamResponse(streamTurn(client, params), wrong));
    expect([error.code, posts()]).toEqual(['invalid_input', 0]);
  });
});
