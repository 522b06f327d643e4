import Anthropic from '@anthropic-ai/sdk';
import {
  artifactInstructions,
  type Checkpoint,
  createSession,
  downloadArtifact,
  isTurnLimitError,
  pipeArtifacts,
  resumeTurn,
  runTurn,
  uploadFile,
  userMessage,
} from 'code-execution-kit';

/** A bucket of R2, as far as it is used here. It refuses a stream whose length it does not know. */
interface Bucket {
  put(name: string, body: ReadableStream): Promise<{ readonly size: number }>;
  get(name: string): Promise<{ text(): Promise<string> } | null>;
}

const params = { model: 'claude-opus-5-5', max_tokens: 1000, system: artifactInstructions() };

/** The main job in a worker: the body of a request goes up, code runs, and files go into a bucket. */
const jobs = {
  async main(client: Anthropic, request: Request, bucket: Bucket) {
    const source = request.body as ReadableStream<Uint8Array>;
    const file = await uploadFile(client, source, { name: 'sales.csv' });
    const turn = await runTurn(client, { ...params, messages: [userMessage('Go.', { files: [file] })] });
    const lengths: (number | null)[] = [];
    const piped = await pipeArtifacts(client, turn.artifacts, async ({ name, body, contentLength }) => {
      lengths.push(contentLength);
      await bucket.put(name, body);
    });
    const stored = await Promise.all(piped.map(async ({ name }) => (await bucket.get(name))?.text()));
    const downloads = turn.artifacts.map((artifact) => downloadArtifact(client, artifact));
    const texts = await Promise.all(downloads.map(async (download) => (await download).text()));
    return { outcome: turn.outcome, answer: turn.answer, file, lengths, stored, texts };
  },

  async sources(client: Anthropic) {
    const bytes = new TextEncoder().encode('x');
    async function* chunks() {
      yield bytes;
    }
    const sources = {
      file: new File([bytes], 'x.csv'),
      blob: new Blob([bytes]),
      response: new Response(bytes),
      array: bytes,
      buffer: bytes.buffer,
      iterable: chunks(),
    };
    const uploaded = Object.entries(sources).map(async ([kind, source]) => {
      const { size_bytes: size } = await uploadFile(client, source, { name: `${kind}.csv` });
      return [kind, size];
    });
    return Object.fromEntries(await Promise.all(uploaded));
  },

  /** What R2 says to a stream without a length: that pipeArtifacts gives it one is no accident. */
  async unknownLength(_client: Anthropic, _request: Request, bucket: Bucket) {
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('x'));
        controller.close();
      },
    });
    return bucket.put('x', stream).then(
      () => 'stored',
      (error: Error) => error.message,
    );
  },

  async resume(client: Anthropic) {
    const session = createSession(client, params, { maxPauses: 0 });
    const error = await session.run('Go.').catch((thrown) => thrown);
    if (!isTurnLimitError(error)) throw error;
    const checkpoint: Checkpoint = JSON.parse(JSON.stringify(error.checkpoint));
    const { outcome, answer } = await resumeTurn(client, checkpoint).turn();
    return { outcome, answer };
  },
};

export default {
  async fetch(request: Request, { BUCKET: bucket }: { readonly BUCKET: Bucket }): Promise<Response> {
    const url = new URL(request.url);
    const client = new Anthropic({ apiKey: 'none', baseURL: url.searchParams.get('api'), maxRetries: 0 });
    const job = jobs[url.pathname.slice(1) as keyof typeof jobs];
    return Response.json(await job(client, request, bucket));
  },
};
