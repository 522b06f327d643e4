/**
 * Runs one way of reading one payload, in this process alone, and prints the median time of a run in
 * milliseconds, or with `--memory` the peak memory over that of the start in MiB, reading slowly.
 *
 *   node method.mjs <method> <payload> <base url> <runs> [--memory]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { peer } from '../peers/peers.mjs';

const [method, payload, origin, runs, mode] = process.argv.slice(2);
const baseURL = `${origin}/${encodeURIComponent(payload)}`;
const params = { model: 'claude-opus-5-5', max_tokens: 1000, messages: [{ role: 'user', content: 'x' }] };

/** Rests now and then, as a reader does who writes to a slow socket. */
let taken = 0;
const rest = mode === '--memory' ? () => (++taken % 1000 === 0 ? sleep(20) : undefined) : undefined;

const methods = {
  /** fetch, text, SSE and JSON, and nothing else. */
  async floor() {
    const { EventSourceParserStream } = await import('eventsource-parser/stream');
    return async () => {
      const response = await fetch(`${baseURL}/v1/messages`, {
        method: 'POST',
        body: JSON.stringify(params),
      });
      const events = response.body
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(new EventSourceParserStream());
      let count = 0;
      for await (const { data } of events) {
        if (JSON.parse(data).type) count++;
        if (rest) await rest();
      }
      return count;
    };
  },

  async 'ours, iterated'() {
    const { streamTurn } = await import('../../dist/index.js');
    const client = await sdkClient();
    return async () => {
      let count = 0;
      for await (const event of streamTurn(client, params)) {
        if (event.type) count++;
        if (rest) await rest();
      }
      return count;
    };
  },

  async 'ours, turn()'() {
    const { runTurn } = await import('../../dist/index.js');
    const client = await sdkClient();
    return async () => (await runTurn(client, params)).parts.length;
  },

  /** Iterated, taking the source while it is written. */
  async 'ours, live code'() {
    const { streamTurn } = await import('../../dist/index.js');
    const client = await sdkClient();
    return async () => {
      let count = 0;
      for await (const event of streamTurn(client, params))
        if (event.type === 'code-delta') count += event.text.length;
      return count;
    };
  },

  async 'SDK raw'() {
    const client = await sdkClient();
    return async () => {
      let count = 0;
      for await (const event of await client.messages.create({ ...params, stream: true })) {
        if (event.type) count++;
        if (rest) await rest();
      }
      return count;
    };
  },

  async 'SDK .stream()'() {
    const client = await sdkClient();
    return async () => {
      let count = 0;
      for await (const event of client.messages.stream(params)) {
        if (event.type) count++;
        if (rest) await rest();
      }
      return count;
    };
  },

  async 'SDK inputJson'() {
    const client = await sdkClient();
    return async () => {
      let count = 0;
      const stream = client.messages.stream(params);
      stream.on('inputJson', () => count++);
      await stream.finalMessage();
      return count;
    };
  },

  async 'AI SDK fullStream'() {
    const [{ streamText }, { createAnthropic }] = await Promise.all([peer('ai'), peer('@ai-sdk/anthropic')]);
    const anthropic = createAnthropic({ apiKey: 'none', baseURL: `${baseURL}/v1` });
    const tools = { code_execution: anthropic.tools.codeExecution_20260120() };
    return async () => {
      let count = 0;
      const { fullStream } = streamText({
        model: anthropic('claude-opus-5-5'),
        prompt: 'x',
        tools,
        maxRetries: 0,
      });
      for await (const part of fullStream) {
        if (part.type === 'error') throw part.error;
        count++;
        if (rest) await rest();
      }
      return count;
    };
  },
};

async function sdkClient() {
  const { default: Anthropic } = await import('@anthropic-ai/sdk');
  return new Anthropic({ apiKey: 'none', baseURL, maxRetries: 0 });
}

const run = await methods[method]();

if (mode === '--memory') {
  const before = process.memoryUsage().rss;
  await run();
  const peak = process.resourceUsage().maxRSS * 1024;
  console.log((peak - before) / 2 ** 20);
} else {
  const timed = async () => {
    const start = performance.now();
    if (!((await run()) > 0)) throw new Error(`${method} read nothing`);
    return performance.now() - start;
  };
  // A second of runs that do not count: code is compiled meanwhile, and the connection is made.
  for (let spent = 0, i = 0; spent < 1000 || i < 3; i++) spent += await timed();
  const times = [];
  for (let i = 0; i < Number(runs); i++) times.push(await timed());
  times.sort((a, b) => a - b);
  console.log(times[Math.floor(times.length / 2)]);
}
