/**
 * Asks the API at a base URL by way of the Vercel AI SDK,
 * as its documentation shows, and prints what came as JSON.
 *
 *   node ai-sdk.mjs '{ "way": "generate" | "stream", "version": "codeExecution_20260120",
 *     "baseURL": "http://…" }'
 */
import { createAnthropic, forwardAnthropicContainerIdFromLastStep } from '@ai-sdk/anthropic';
import { APICallError, generateText, isStepCount, streamText, tool, uploadFile } from 'ai';
import { z } from 'zod';

const { way, version, baseURL, container } = JSON.parse(process.argv[2]);
const anthropic = createAnthropic({ apiKey: 'none', baseURL: `${baseURL}/v1` });
const files = anthropic.files();

/**
 * Uploads a table and asks a question about it, with a tool of the client's own beside the one of the API.
 */
async function request() {
  const { providerReference } = await uploadFile({
    api: files,
    data: new TextEncoder().encode('x,y\n1,2\n'),
    filename: 'data.csv',
    mediaType: 'text/csv',
  });
  const table = {
    type: 'file',
    mediaType: 'text/csv',
    data: { type: 'reference', reference: providerReference },
    providerOptions: { anthropic: { containerUpload: true } },
  };
  return {
    model: anthropic('claude-opus-5-5'),
    maxRetries: 0,
    stopWhen: isStepCount(5),
    tools: {
      code_execution: anthropic.tools[version]({}),
      weather: tool({
        description: 'The weather',
        inputSchema: z.object({ city: z.string() }),
        execute: async ({ city }) => `${city}: sun`,
      }),
    },
    prepareStep: forwardAnthropicContainerIdFromLastStep,
    ...(container ? { providerOptions: { anthropic: { container: { id: container } } } } : {}),
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Go.' }, table] }],
  };
}

/** What both ways give, and what only a stream has: its parts. */
async function ask() {
  if (way === 'generate') {
    const { text, finishReason, steps } = await generateText(await request());
    return { text, finishReason, steps, parts: [] };
  }
  const errors = [];
  const result = streamText({ ...(await request()), onError: ({ error }) => errors.push(error) });
  const parts = [];
  for await (const part of result.fullStream) parts.push(part);
  if (errors.length > 0) throw errors[0];
  return {
    text: await result.text,
    finishReason: await result.finishReason,
    steps: await result.steps,
    parts,
  };
}

/** Names and contents of the files that commands left. */
async function download(content) {
  const outputs = content.flatMap(({ type, output }) =>
    type === 'tool-result' && Array.isArray(output.content) ? output.content : [],
  );
  return Promise.all(
    outputs.map(async ({ file_id }) => {
      const file = { anthropic: file_id };
      const { filename } = await files.getFileMetadata({ file });
      return { filename, text: await new Response((await files.downloadFile({ file })).content).text() };
    }),
  );
}

try {
  const { text, finishReason, steps, parts } = await ask();
  const content = steps.flatMap((step) => step.content);
  const containers = steps.map(({ providerMetadata }) => providerMetadata.anthropic.container);
  console.log(
    JSON.stringify({ text, finishReason, content, containers, parts, files: await download(content) }),
  );
} catch (error) {
  if (!APICallError.isInstance(error)) throw error;
  console.log(JSON.stringify({ failed: { statusCode: error.statusCode, message: error.message } }));
}
