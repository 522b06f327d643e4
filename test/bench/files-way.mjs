/**
 * Moves files in one way, in this process alone, and prints its time in milliseconds
 * and the peak memory in MiB. Modules are loaded before the clock starts.
 *
 *   node files-way.mjs <kind> <way> <path of the large file> <folder> <address>
 */
import { createReadStream, createWriteStream, openAsBlob, readFileSync } from 'node:fs';
import { open, stat, writeFile } from 'node:fs/promises';
import { get, request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

const [kind, way, path, folder, address] = process.argv.slice(2);
const { size } = await stat(path);
const isLarge = kind !== 'small';
const baseURL = `${address}/${isLarge ? 'large' : 'small'}`;
// The floor is a process without anything else.
const sdk = way.startsWith('floor') ? undefined : await import('@anthropic-ai/sdk');
const client = sdk && new sdk.default({ apiKey: 'none', baseURL, maxRetries: 0 });
const kit = way.startsWith('ours') ? await import('../../dist/node.js') : undefined;
const maxBytes = size;
const count = Number(process.env.COUNT ?? 1);

const artifacts = Array.from({ length: count }, (_, index) => ({
  fileId: `file_${index}`,
  executionId: 'x',
  status: 'listed',
  ...{ name: null, mimeType: null, sizeBytes: null, createdAt: null, expiresAt: null, downloadable: null },
}));

/** http.request and pipeline, and nothing else. */
async function plainUpload(reading) {
  const sent = request(`${baseURL}/v1/files`, { method: 'POST', headers: { 'content-length': size } });
  const answered = new Promise((resolve, reject) => sent.on('response', resolve).on('error', reject));
  await pipeline(createReadStream(path, reading), sent);
  return JSON.parse(await text(await answered));
}

/** http.get, pipeline and fsync, and nothing else. */
async function plainDownload() {
  const target = join(folder, 'plain.bin');
  await new Promise((resolve, reject) => {
    get(`${baseURL}/v1/files/file_0/content`, (response) =>
      pipeline(response, createWriteStream(target)).then(resolve, reject),
    );
  });
  const handle = await open(target, 'r+');
  await handle.sync();
  await handle.close();
}

const noRedirect = { fetchOptions: { redirect: 'error' } };
const content = () => client.files.download('file_0');
const target = join(folder, 'sdk.bin');

const ways = {
  up: {
    floor: () => plainUpload(),
    'floor, 1 MiB reads': () => plainUpload({ highWaterMark: 1024 * 1024 }),
    'ours: uploadPath': () => kit.uploadPath(client, path, { maxBytes }),
    'ours: uploadStream': () =>
      kit.uploadStream(client, createReadStream(path), { name: 'x.bin', sizeBytes: size, maxBytes }),
    'ours: uploadStream of unknown size': () =>
      kit.uploadStream(client, createReadStream(path), { name: 'x.bin', maxBytes }),
    'SDK: createReadStream (its own example)': () => client.files.upload({ file: createReadStream(path) }),
    'SDK: toFile(readFileSync)': async () =>
      client.files.upload({ file: await sdk.toFile(readFileSync(path), 'x.bin') }),
    'SDK: toFile(createReadStream)': async () =>
      client.files.upload({ file: await sdk.toFile(createReadStream(path), 'x.bin') }),
    'SDK: Response': () =>
      client.files.upload({ file: new Response(Readable.toWeb(createReadStream(path))) }),
    'SDK: File of openAsBlob': async () =>
      client.files.upload({ file: new File([await openAsBlob(path)], 'x.bin') }),
    'SDK: File of openAsBlob, redirect: error': async () =>
      client.files.upload({ file: new File([await openAsBlob(path)], 'x.bin') }, noRedirect),
  },
  down: {
    floor: plainDownload,
    'ours: saveArtifacts': () => kit.saveArtifacts(client, artifacts, folder),
    'SDK: pipeline of its body': async () =>
      pipeline(Readable.fromWeb((await content()).body), createWriteStream(target)),
    'SDK: arrayBuffer': async () => writeFile(target, new Uint8Array(await (await content()).arrayBuffer())),
    'SDK: blob': async () => writeFile(target, (await (await content()).blob()).stream()),
  },
  small: {
    'SDK: a loop': async () => {
      for (const { fileId } of artifacts) {
        const { filename } = await client.files.retrieveMetadata(fileId);
        const response = await client.files.download(fileId);
        await writeFile(join(folder, filename), new Uint8Array(await response.arrayBuffer()));
      }
    },
    'ours: saveArtifacts': () => kit.saveArtifacts(client, artifacts, folder),
  },
};

const start = performance.now();
const moved = await ways[kind][way]();
const ms = performance.now() - start;
if (kind === 'up' && !(moved.size_bytes >= size)) {
  throw new Error(`${way}: ${moved.size_bytes} of ${size} bytes arrived`);
}
console.log(JSON.stringify({ ms, peakMiB: process.resourceUsage().maxRSS / 1024 }));
