/**
 * The streams that are measured, as bytes: a response whose one long
 * block has a given number of deltas, of sizes as they were recorded.
 */

const event = (type, data) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const delta = (index, value) => event('content_block_delta', { index, delta: value });
const WORDS = 'The quick brown fox jumps over the lazy dog and then — naïvely — does it all again. '.split(
  /(?<= )/,
);

function start() {
  const usage = {
    input_tokens: 2316,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 3,
  };
  const message = {
    id: 'msg_bench',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [],
  };
  return event('message_start', { message: { ...message, stop_reason: null, stop_sequence: null, usage } });
}

function end() {
  const container = { id: 'container_bench', expires_at: '2026-11-22T10:00:00Z' };
  const delta = { stop_reason: 'end_turn', stop_sequence: null, container };
  return event('message_delta', { delta, usage: { output_tokens: 99 } }) + event('message_stop', {});
}

function text(events) {
  const parts = [
    start(),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
  ];
  for (let i = 0; i < events; i++)
    parts.push(delta(0, { type: 'text_delta', text: WORDS[i % WORDS.length] }));
  parts.push(event('content_block_stop', { index: 0 }), end());
  return parts.join('');
}

/** A call whose input is this JSON, in fragments of so many characters, and its result. */
function call(json, size) {
  const id = 'srvtoolu_bench';
  const block = { type: 'server_tool_use', id, name: 'code_execution', input: {} };
  const parts = [start(), event('content_block_start', { index: 0, content_block: block })];
  parts.push(delta(0, { type: 'input_json_delta', partial_json: '' }));
  for (let i = 0; i < json.length; i += size) {
    parts.push(delta(0, { type: 'input_json_delta', partial_json: json.slice(i, i + size) }));
  }
  parts.push(event('content_block_stop', { index: 0 }));
  const content = { type: 'code_execution_result', stdout: '42\n', stderr: '', return_code: 0, content: [] };
  const result = { type: 'code_execution_tool_result', tool_use_id: id, content };
  parts.push(event('content_block_start', { index: 1, content_block: result }));
  parts.push(event('content_block_stop', { index: 1 }), end());
  return parts.join('');
}

const LINE = 'total = sum(row["amount"] for row in rows if row["region"] == "North")  # naïve\n';

/** Source whose JSON has about so many characters. */
function inputOf(characters) {
  const line = JSON.stringify(LINE).length - 2;
  return JSON.stringify({ code: LINE.repeat(Math.ceil(characters / line)) });
}

export const payloads = {
  'text 1e3': () => text(1e3),
  'text 1e4': () => text(1e4),
  'text 1e5': () => text(1e5),
  'input 1e3': () => call(inputOf(20e3), 20),
  'input 1e4': () => call(inputOf(200e3), 20),
  'input 1e5': () => call(inputOf(2e6), 20),
  'code 1 MB': () => call(inputOf(1e6), 50),
};
