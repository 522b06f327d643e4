/**
 * Reads UI message streams as the AI SDK does, and prints the message of each as JSON: what the schema of
 * `ai` refuses, and what its reader cannot place, is an error.
 *
 *   node ui-message.mjs < '["data: {…}\n\n…", …]'
 */
import { text } from 'node:stream/consumers';
import { DefaultChatTransport, readUIMessageStream } from 'ai';

const streams = JSON.parse(await text(process.stdin));
const read = [];
for (const body of streams) {
  const errors = [];
  // The transport of `useChat`: it checks each chunk by the schema.
  const transport = new DefaultChatTransport({
    fetch: async () => new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
  });
  let message = null;
  try {
    const stream = await transport.sendMessages({
      trigger: 'submit-message',
      chatId: 'chat',
      messageId: undefined,
      messages: [],
      abortSignal: undefined,
    });
    const onError = (error) => errors.push(String(error));
    for await (const one of readUIMessageStream({ stream, onError, terminateOnError: true })) message = one;
  } catch (error) {
    errors.push(String(error));
  }
  read.push({ message, errors });
}
process.stdout.write(JSON.stringify(read));
