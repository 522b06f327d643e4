import {
  artifactInstructions,
  Container,
  codeExecutionTool,
  containerOf,
  containerUpload,
  nextParams,
  userMessage,
} from 'code-execution-kit';
import { describe, expect, it } from 'vitest';
import { deepFreeze } from '../support/freeze.ts';

const skills = [{ skillId: 'pptx', type: 'anthropic', version: '20251013' }];

describe('builders', () => {
  it('make tool definitions of all four versions', () => {
    expect(codeExecutionTool()).toEqual({ type: 'code_execution_20260120', name: 'code_execution' });
    for (const version of ['20250522', '20250825', '20260120', '20260521'] as const) {
      expect(codeExecutionTool({ version: `code_execution_${version}` }).type).toBe(
        `code_execution_${version}`,
      );
    }
    expect(codeExecutionTool({ allowedCallers: ['direct'], cacheControl: { type: 'ephemeral' } })).toEqual({
      type: 'code_execution_20260120',
      name: 'code_execution',
      allowed_callers: ['direct'],
      cache_control: { type: 'ephemeral' },
    });
  });

  it('make content blocks and messages', () => {
    expect(containerUpload('file_1')).toEqual({ type: 'container_upload', file_id: 'file_1' });
    expect(userMessage('Hi.', { files: [{ id: 'file_1' }] })).toEqual({
      role: 'user',
      content: [
        { type: 'text', text: 'Hi.' },
        { type: 'container_upload', file_id: 'file_1' },
      ],
    });
    expect(artifactInstructions()).toMatch(/INPUT_DIR.*OUTPUT_DIR/s);
  });
});

describe('Container', () => {
  it('is sent as a string, or with its skills, and never as {id} alone', () => {
    const data = { id: 'container_1', expiresAt: '2026-11-22T10:00:00Z', skills: [] };
    expect(new Container(data).toParam()).toBe('container_1');
    expect(new Container({ ...data, skills }).toParam()).toEqual({
      id: 'container_1',
      skills: [{ type: 'anthropic', skill_id: 'pptx', version: '20251013' }],
    });
    expect(JSON.parse(JSON.stringify(new Container({ ...data, skills })))).toEqual({ ...data, skills });
  });

  it('knows its time', () => {
    const container = new Container({ id: 'c', expiresAt: '2026-11-22T10:00:00Z', skills: [] });
    expect(container.isExpired(Date.parse('2026-11-22T09:59:59Z'))).toBe(false);
    expect(container.isExpired(new Date('2026-11-22T10:00:00Z'))).toBe(true);
    expect(new Container({ id: 'c', expiresAt: null, skills: [] }).isExpired()).toBe(false);
  });

  it('is read from messages, turns and lists of them, the last one named', () => {
    const message = { container: { id: 'container_1', expires_at: '2026-11-22T10:00:00Z' } };
    const expected = { id: 'container_1', expiresAt: '2026-11-22T10:00:00Z', skills: [] };
    expect(containerOf(message)?.toJSON()).toEqual(expected);
    expect(containerOf({ container: expected })?.toJSON()).toEqual(expected);
    expect(containerOf([message, {}])?.id).toBe('container_1');
    expect(containerOf([{ container: null }])).toBeNull();
  });

  it('has each skill once, as it can be sent again, whatever a gateway left out', () => {
    const given = [
      { skill_id: 'pptx' },
      { skill_id: 'pptx', type: 'anthropic' },
      { skill_id: 'skill_1' },
      {},
      null,
    ];
    const container = containerOf({ container: { id: 'c', skills: given } });
    expect(container?.toJSON().skills).toEqual([
      { skillId: 'pptx', type: 'anthropic', version: 'latest' },
      { skillId: 'skill_1', type: 'custom', version: 'latest' },
    ]);
  });
});

describe('nextParams', () => {
  const params = deepFreeze({
    model: 'm',
    max_tokens: 1,
    tools: [codeExecutionTool()],
    messages: [userMessage('x')],
  });
  const content = [{ type: 'text' as const, text: 'a', citations: null }];
  const paused = { stop_reason: 'pause_turn' as const, content, container: { id: 'container_1' } };

  it('appends a paused response as an assistant message of its own', () => {
    const next = nextParams(params, paused);
    expect(next).toEqual({
      ...params,
      container: 'container_1',
      messages: [...params.messages, { role: 'assistant', content }],
    });
    expect(next?.messages.at(-1)?.content).toBe(content);
    const again = nextParams(deepFreeze(next as typeof params), { ...paused, container: undefined });
    expect(again?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'assistant']);
    expect(again?.container).toBe('container_1');
  });

  it('carries skills on as they were asked for', () => {
    const asked = { skills: [{ type: 'anthropic' as const, skill_id: 'pptx', version: 'latest' }] };
    expect(nextParams({ ...params, container: asked }, paused)?.container).toEqual({
      id: 'container_1',
      ...asked,
    });
  });

  it.each([
    [{ type: 'any' as const }, { type: 'auto' }],
    [
      { type: 'tool' as const, name: 'x', disable_parallel_tool_use: true },
      { type: 'auto', disable_parallel_tool_use: true },
    ],
    [{ type: 'none' as const }, { type: 'none' }],
  ])('does not force a tool again: %o', (tool_choice, expected) => {
    expect(nextParams({ ...params, tool_choice }, paused)?.tool_choice).toEqual(expected);
  });

  it.each(['end_turn', 'max_tokens', 'refusal', 'stop_sequence', null] as const)(
    'ends at %s',
    (stop_reason) => {
      expect(nextParams(params, { ...paused, stop_reason })).toBeUndefined();
    },
  );

  const call = (id: string) => ({
    type: 'tool_use' as const,
    id,
    name: 't',
    input: {},
    caller: { type: 'direct' as const },
  });
  const waiting = {
    ...paused,
    stop_reason: 'tool_use' as const,
    content: [call('toolu_1'), call('toolu_2')],
  };
  const result = (tool_use_id: string) => ({ type: 'tool_result' as const, tool_use_id, content: 'ok' });

  it('answers all waiting calls in one message of tool results', () => {
    expect(nextParams(params, waiting)).toBeUndefined();
    const toolResults = [result('toolu_2'), result('toolu_1')];
    expect(nextParams(params, waiting, { toolResults })?.messages.slice(1)).toEqual([
      { role: 'assistant', content: waiting.content },
      { role: 'user', content: toolResults },
    ]);
  });

  it.each([
    [[], /must be a list of tool_result blocks/],
    [[result('toolu_1')], /no result for toolu_2/],
    [[result('toolu_1'), result('toolu_2'), result('toolu_3')], /results that nothing waits for: toolu_3/],
    [[result('toolu_1'), result('toolu_1'), result('toolu_2')], /more than one result for toolu_1/],
  ])('refuses results that do not answer each call once', (toolResults, message) => {
    expect(() => nextParams(params, waiting, { toolResults })).toThrow(message);
  });
});
