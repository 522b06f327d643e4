/** Responses that hold so many of one kind of thing, as the text of their streams. */
export const FEW = 1e4;
export const MANY = 1e5;

const event = (type, data) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const START = event('message_start', {
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  },
});
const END = event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 9 } });
const STOP = event('message_stop', {});

const start = (index, content_block) => event('content_block_start', { index, content_block });
const delta = (index, value) => event('content_block_delta', { index, delta: value });
const stop = (index) => event('content_block_stop', { index });
const block = (index, content_block) => start(index, content_block) + stop(index);
const input = (index, partial_json) => delta(index, { type: 'input_json_delta', partial_json });

/** `before`, then what `each` gives for 0 to n − 1, and the end of a response unless it is cut. */
const repeated =
  (each, { before = '', isCut = false } = {}) =>
  (n) => {
    const parts = [START, before];
    for (let i = 0; i < n; i++) parts.push(each(i));
    if (!isCut) parts.push(END, STOP);
    return parts.join('');
  };

const call = (i) => ({
  type: 'server_tool_use',
  id: `srvtoolu_${i}`,
  name: 'bash_code_execution',
  input: {},
});
const result = (i, files = []) => ({
  type: 'bash_code_execution_tool_result',
  tool_use_id: `srvtoolu_${i}`,
  content: {
    type: 'bash_code_execution_result',
    stdout: '',
    stderr: '',
    return_code: 0,
    content: files.map((file_id) => ({ type: 'bash_code_execution_output', file_id })),
  },
});
const text = { type: 'text', text: '' };
const thinking = { type: 'thinking', thinking: '', signature: '' };

/** A text of n deltas. */
export const whole = (type, n, piece) =>
  repeated((i) => delta(0, { type: `${type}_delta`, [type]: piece(i) }), { before: start(0, text) })(n);

/** A call whose input is this text, cut by the end of the response. */
const cutInput = (json, size = 10_000) => {
  const parts = [START, start(0, call(0))];
  for (let i = 0; i < json.length; i += size) parts.push(input(0, json.slice(i, i + size)));
  return [...parts, END, STOP].join('');
};

export const KINDS = {
  'text deltas': repeated(() => delta(0, { type: 'text_delta', text: 'word ' }), { before: start(0, text) }),
  'text and thinking deltas, alternating': repeated(
    (i) =>
      i % 2
        ? delta(0, { type: 'text_delta', text: 'word ' })
        : delta(1, { type: 'thinking_delta', thinking: 'hm ' }),
    { before: start(0, text) + start(1, thinking) },
  ),
  texts: repeated((i) => block(i, { type: 'text', text: 'word' })),
  'code deltas of two calls, alternating': repeated((i) => input(i % 2, i < 2 ? '{"command":"' : 'ls;'), {
    before: start(0, call(0)) + start(1, call(1)),
  }),
  executions: repeated((i) => block(2 * i, call(i)) + block(2 * i + 1, result(i))),
  'executions, results in reverse': (n) =>
    repeated((i) => (i < n / 2 ? block(i, call(i)) : block(i, result(n - 1 - i))))(n),
  'results without calls': repeated((i) => block(i, result(i))),
  'artifacts, one each': repeated((i) => block(i, result(i, [`file_${i}`]))),
  'artifacts of one result': (n) =>
    repeated(() =>
      block(
        0,
        result(
          0,
          Array.from({ length: n }, (_, i) => `file_${i}`),
        ),
      ),
    )(1),
  'client tool calls': repeated((i) =>
    block(i, { type: 'tool_use', id: `toolu_${i}`, name: 'get', input: {} }),
  ),
  'server tools and results': repeated(
    (i) =>
      block(2 * i, { type: 'server_tool_use', id: `srvtoolu_${i}`, name: 'web_search', input: {} }) +
      block(2 * i + 1, { type: 'web_search_tool_result', tool_use_id: `srvtoolu_${i}`, content: [] }),
  ),
  'unknown events': repeated((i) => event('news', { i })),
  'unknown blocks': repeated((i) => block(i, { type: 'news', i })),
  'deltas of unknown type': repeated((i) => delta(0, { type: 'news_delta', i }), { before: start(0, text) }),
  'usage reports': repeated((i) => event('message_delta', { delta: {}, usage: { output_tokens: i } })),
  'containers, another one each': repeated((i) =>
    event('message_delta', { delta: { container: { id: `container_${i}`, expires_at: null } } }),
  ),
  citations: repeated(
    (i) => delta(0, { type: 'citations_delta', citation: { type: 'web_search_result_location', i } }),
    { before: start(0, text) },
  ),
  pings: repeated(() => event('ping', {})),
  'blocks that are open at the cut': repeated((i) => start(i, call(i)) + input(i, '{"command":"ls'), {
    isCut: true,
  }),
  'blocks of message_start': (n) =>
    event('message_start', {
      message: {
        id: 'msg_1',
        role: 'assistant',
        model: 'claude-opus-5-5',
        content: Array.from({ length: n }, (_, i) => (i % 2 ? result(i - 1) : call(i))),
        usage: {},
      },
    }) +
    END +
    STOP,
  'a cut input, nested': (n) => cutInput(`{"command":"a","b":${'[1,'.repeat(n)}`),
  'a cut input of many keys': (n) =>
    cutInput(`{${Array.from({ length: n }, (_, i) => `"k${i}":${i}`).join(',')},"c`),
  'a cut input of one long text': (n) => cutInput(`{"command":"${'a\\n'.repeat(n)}`),
  'a cut input in small fragments': (n) => cutInput(`{"command":"${'ab\\u0041'.repeat(n / 4)}`, 2),
  'a whole input in small fragments': repeated((i) => input(0, i === 0 ? '{"command":"' : 'x'), {
    before: start(0, call(0)),
  }),
};
