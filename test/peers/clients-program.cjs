/**
 * Runs a turn with a pause, an upload and a download by way of
 * a foreign fetch or client, and prints what came as JSON.
 *
 *   node -r ./loopback-only.cjs clients-program.cjs '{ "peer": "…", "baseURL": "http://…", "kit": "…", "file": "…" }'
 */
const { createServer } = require('node:http');
const { Readable } = require('node:stream');

const { peer, baseURL, kit, file } = JSON.parse(process.argv[2]);
const sdk = require('@anthropic-ai/sdk');

const { Anthropic } = sdk;
const { downloadArtifact, runTurn, uploadFile, uploadPath, uploadStream, userMessage } = require(kit);
const options = { apiKey: 'none', baseURL, maxRetries: 0 };

/** What exporters send goes here and nowhere else. */
async function openSink() {
  const server = createServer((request, reply) => {
    request.resume().on('end', () => reply.setHeader('content-type', 'application/json').end('{}'));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return `http://127.0.0.1:${server.address().port}`;
}

/** An instrumentation of OpenTelemetry, and what it recorded. */
function traced(AnthropicInstrumentation) {
  const trace = require('@opentelemetry/sdk-trace-base');
  const exporter = new trace.InMemorySpanExporter();
  const spanProcessors = [new trace.SimpleSpanProcessor(exporter)];
  const instrumentation = new AnthropicInstrumentation();
  instrumentation.setTracerProvider(new trace.BasicTracerProvider({ spanProcessors }));
  instrumentation.manuallyInstrument(sdk);
  return { client: new Anthropic(options), spans: () => exporter.getFinishedSpans().length };
}

/** The client of each peer, and how many spans an instrumentation recorded. */
const PEERS = {
  'node-fetch': async () => ({
    client: new Anthropic({ ...options, fetch: (await import('node-fetch')).default }),
  }),
  'cross-fetch': () => ({ client: new Anthropic({ ...options, fetch: require('cross-fetch') }) }),
  undici: () => ({ client: new Anthropic({ ...options, fetch: require('undici').fetch }) }),
  'google-cloud-sdk'() {
    const { AnthropicGoogleCloud } = require('@anthropic-ai/google-cloud-sdk');
    const defaultHeaders = { 'x-api-key': 'none' };
    return {
      client: new AnthropicGoogleCloud({ ...cloud, bearerTokenProvider: async () => 'none', defaultHeaders }),
    };
  },
  'foundry-sdk'() {
    const { AnthropicFoundry } = require('@anthropic-ai/foundry-sdk');
    return { client: new AnthropicFoundry(options) };
  },
  'aws-sdk'() {
    const { AnthropicAws } = require('@anthropic-ai/aws-sdk');
    return { client: new AnthropicAws({ ...options, workspaceId: 'wrkspc_1', awsRegion: 'us-east-1' }) };
  },
  sentry() {
    const Sentry = require('@sentry/node');
    let spans = 0;
    Sentry.init({
      dsn: 'http://none@127.0.0.1:9/1',
      tracesSampleRate: 1,
      transport: () => ({ send: async () => ({}), flush: async () => true }),
    });
    Sentry.getClient().on('spanEnd', () => spans++);
    return { client: Sentry.instrumentAnthropicAiClient(new Anthropic(options)), spans: () => spans };
  },
  openinference: () =>
    traced(require('@arizeai/openinference-instrumentation-anthropic').AnthropicInstrumentation),
  traceloop() {
    // It patches a class that the SDK has not had since 1.0, and throws without it.
    Anthropic.Completions ??= class {
      create() {}
    };
    return traced(require('@traceloop/instrumentation-anthropic').AnthropicInstrumentation);
  },
  async 'langsmith wrapAnthropic'() {
    const { wrapAnthropic } = require('langsmith/wrappers/anthropic');
    return langsmith((client, config) => wrapAnthropic(client, config));
  },
  async 'langsmith wrapSDK'() {
    const { wrapSDK } = require('langsmith/wrappers');
    return langsmith((client, config) => wrapSDK(client, config));
  },
  async braintrust() {
    const { wrapAnthropic, _exportsForTestingOnly: testing, initLogger } = require('braintrust');
    await testing.simulateLoginForTests();
    const logger = testing.useTestBackgroundLogger();
    initLogger({ projectName: 'none', projectId: 'none' });
    let spans = 0;
    const count = async () => {
      spans += (await logger.drain()).length;
      return spans;
    };
    return { client: wrapAnthropic(new Anthropic(options)), spans: count };
  },
};
const cloud = { baseURL, maxRetries: 0, project: 'none', location: 'global', workspaceId: 'wrkspc_1' };

async function langsmith(wrap) {
  const { Client } = require('langsmith');
  let spans = 0;
  const apiUrl = await openSink();
  process.env.LANGSMITH_TRACING = 'true';
  const client = new Client({ apiUrl, apiKey: 'none', autoBatchTracing: false });
  client.createRun = async () => void spans++;
  client.updateRun = async () => {};
  return { client: wrap(new Anthropic(options), { client, tracingEnabled: true }), spans: () => spans };
}

async function main() {
  const { client, spans } = await PEERS[peer]();
  const bytes = new TextEncoder().encode('x,y\n1,2\n');
  const refused = await uploadFile(client, bytes, { name: 'data.csv' }).then(
    () => null,
    (error) => `${error.name}: ${error.message}`,
  );
  // The first upload of all: this stream cannot be sent again.
  const { size_bytes: streamed } = await uploadStream(client, Readable.from([bytes]), { name: 'data.csv' });
  const { filename, size_bytes: size } = await uploadPath(client, file);
  const uploaded = await uploadPath(client, file);
  const params = {
    model: 'claude-opus-5-5',
    max_tokens: 1000,
    messages: [userMessage('Go.', { files: [uploaded] })],
  };
  const turn = await runTurn(client, params);
  const [artifact] = turn.artifacts;
  const text = await (await downloadArtifact(client, artifact)).text();
  const { outcome, answer, executions } = turn;
  const stdout = executions.map((one) => one.stdout);
  const shown = { name: artifact.name, text };
  const recorded = spans ? await spans() : null;
  return { outcome, answer, stdout, artifact: shown, refused, filename, size, streamed, spans: recorded };
}

main().then(
  (result) => {
    console.log(JSON.stringify({ ...result, outside: globalThis.hostsOutside() }));
    process.exit(0);
  },
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
