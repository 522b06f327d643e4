import { type RequestParams, turnFrom } from 'code-execution-kit';
import { estimateCost } from 'code-execution-kit/catalog';
import { expect, it } from 'vitest';
import { recordings } from '../support/recordings.ts';

interface Recorded {
  readonly usage: object;
  readonly container: { readonly id: string };
}

/** Two turns of a conversation in one container, as they were recorded. */
const MESSAGES = [
  { input_tokens: 4, cache_read_input_tokens: 4338, ephemeral_5m_input_tokens: 4513, output_tokens: 192 },
  { input_tokens: 4, cache_read_input_tokens: 8934, ephemeral_5m_input_tokens: 399, output_tokens: 136 },
] as const;

/** Sonnet 4.6: 3 and 15 USD per million tokens, cache reads 0.30, writes of five minutes 3.75. */
const TOKENS_USD = ((4 + 4) * 3 + (4338 + 8934) * 0.3 + (4513 + 399) * 3.75 + (192 + 136) * 15) / 1_000_000;
/** Two commands in one container: five minutes of it, or five for each. */
const [LOW_USD, HIGH_USD] = [TOKENS_USD + 0.05 / 12, TOKENS_USD + 0.1 / 12];

it('the cost of a conversation is what one calculates by hand', () => {
  const turns = MESSAGES.map(({ ephemeral_5m_input_tokens, ...usage }, index) => {
    const id = `srvtoolu_${index}`;
    const message = {
      id: `msg_${index}`,
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-4-6',
      stop_reason: 'end_turn',
      container: { id: 'container_1', expires_at: '2026-08-19T11:00:00Z', skills: null },
      usage: {
        ...usage,
        cache_creation_input_tokens: ephemeral_5m_input_tokens,
        cache_creation: { ephemeral_5m_input_tokens, ephemeral_1h_input_tokens: 0 },
        inference_geo: 'global',
        service_tier: 'standard',
      },
      content: [
        { type: 'server_tool_use', id, name: 'bash_code_execution', input: { command: 'wc -l data.csv' } },
        {
          type: 'bash_code_execution_tool_result',
          tool_use_id: id,
          content: {
            type: 'bash_code_execution_result',
            stdout: '3',
            stderr: '',
            return_code: 0,
            content: [],
          },
        },
        { type: 'text', text: 'Three lines.' },
      ],
    };
    const params = { model: message.model, max_tokens: 100, messages: [{ role: 'user', content: 'Count.' }] };
    return turnFrom(params as RequestParams, [message as never]);
  });
  const { lowUsd, highUsd, complete } = estimateCost(turns);
  expect(lowUsd).toBeCloseTo(LOW_USD, 14);
  expect(highUsd).toBeCloseTo(HIGH_USD, 14);
  expect(complete).toBe(true);
});

const NAME = /code_execution_files_automatic_caching_multi_turn/;
const recording = recordings.find(({ name }) => NAME.test(name));

it.skipIf(!recording)('the recorded conversation costs the same sum', () => {
  const turns = (recording?.requests ?? []).flatMap(({ body }, index) => {
    const response = recording?.responses[index]?.body;
    return body?.['messages'] && response ? [turnFrom(body as never, [response as never])] : [];
  });
  expect(turns.length).toBe(2);
  const containers = turns.map((turn) => (turn.responses[0] as unknown as Recorded).container.id);
  expect(new Set(containers).size).toBe(1);
  const { lowUsd, highUsd, complete } = estimateCost(turns);
  expect(lowUsd).toBeCloseTo(LOW_USD, 14);
  expect(highUsd).toBeCloseTo(HIGH_USD, 14);
  expect(complete).toBe(true);
});

it.skipIf(recordings.length === 0)(
  'every recorded message has a cost, or says what of it has no price',
  () => {
    let priced = 0;
    for (const { requests, responses } of recordings) {
      for (const [index, { body }] of responses.entries()) {
        if (body?.['type'] !== 'message') continue;
        const params = requests[index]?.body ?? {
          model: body['model'],
          max_tokens: 1,
          messages: [{ role: 'user', content: 'x' }],
        };
        const { lowUsd, highUsd, lines } = estimateCost(turnFrom(params as never, [body as never]));
        expect(lowUsd).toBeLessThanOrEqual(highUsd);
        const unpriced = lines.filter(({ what }) => what === 'unpriced').map(({ model }) => model);
        if (unpriced.length === 0) priced += 1;
        // Retired, and in no table.
        else expect(new Set(unpriced)).toEqual(new Set(['claude-sonnet-4-20250514']));
      }
    }
    expect(priced).toBeGreaterThan(25);
  },
);
