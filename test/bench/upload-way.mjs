/**
 * Uploads one file in one way, in this process alone, and prints its time in milliseconds and the peak memory in MiB.
 *
 *   node upload-way.mjs <way> <path> <base url>
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

const [way, path, baseURL] = process.argv.slice(2);
const { size } = await stat(path);
const maxBytes = size;

const ways = {
  /** http.request and pipeline, and nothing else. */
  floor: () => floor(),
  /** The same, reading pieces as large as `uploadPath` does. */
  'floor, 1 MiB reads': () => floor({ highWaterMark: 1024 * 1024 }),
  async path() {
    const { uploadPath } = await import('../../dist/node.js');
    const client = await sdkClient();
    return async () => (await uploadPath(client, path, { maxBytes })).size_bytes;
  },
  async stream() {
    const { uploadStream } = await import('../../dist/node.js');
    const client = await sdkClient();
    return async () =>
      (await uploadStream(client, createReadStream(path), { name: 'x.bin', sizeBytes: size, maxBytes }))
        .size_bytes;
  },
  async 'stream of unknown size'() {
    const { uploadStream } = await import('../../dist/node.js');
    const client = await sdkClient();
    return async () =>
      (await uploadStream(client, createReadStream(path), { name: 'x.bin', maxBytes })).size_bytes;
  },
  /** The SDK alone, as its own documentation shows it. */
  async sdk() {
    const client = await sdkClient();
    return async () => (await client.files.upload({ file: createReadStream(path) })).size_bytes;
  },
};

async function floor(reading) {
  const { request } = await import('node:http');
  const { pipeline } = await import('node:stream/promises');
  const { text } = await import('node:stream/consumers');
  return async () => {
    const sent = request(`${baseURL}/v1/files`, { method: 'POST', headers: { 'content-length': size } });
    const answered = new Promise((resolve, reject) => sent.on('response', resolve).on('error', reject));
    await pipeline(createReadStream(path, reading), sent);
    return JSON.parse(await text(await answered)).size_bytes;
  };
}

async function sdkClient() {
  const { default: Anthropic } = await import('@anthropic-ai/sdk');
  return new Anthropic({ apiKey: 'none', baseURL, maxRetries: 0 });
}

const run = await ways[way]();
const start = performance.now();
const sent = await run();
const ms = performance.now() - start;
if (!(sent >= size)) throw new Error(`${way}: ${sent} of ${size} bytes arrived`);
console.log(JSON.stringify({ ms, peakMiB: process.resourceUsage().maxRSS / 1024 }));
