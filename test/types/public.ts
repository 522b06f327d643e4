/** Compiled by `npm run typecheck`, never run: what users write must compile, and what would fail must not. */
import Anthropic from '@anthropic-ai/sdk';
import {
  type Container,
  codeExecutionTool,
  containerUpload,
  type Execution,
  executionsOf,
  nextParams,
  runTurn,
  streamTurn,
  type Turn,
  userMessage,
} from 'code-execution-kit';
import { createEmulator } from 'code-execution-kit/emulator';
import { saveArtifacts, uploadPath } from 'code-execution-kit/node';

declare const client: Anthropic;
declare const container: Container;
declare const turn: Turn;
declare const execution: Execution;
const params = { model: 'claude-opus-5-5', max_tokens: 1, messages: [userMessage('x')] };

// The user's own client in all its forms.
runTurn(client, params);
runTurn(client.beta, params);
runTurn(client.withOptions({ timeout: 1 }), params);
new Anthropic({ fetch: createEmulator({ script: [] }).fetch });
uploadPath(client, 'x').then((file) => containerUpload(file));
uploadPath(client.beta, 'x');
saveArtifacts(client, turn.artifacts, 'out');

// What the loop gives goes back into the SDK and into the next turn.
runTurn(client, { ...params, container: turn.container, messages: [...turn.messages, userMessage('y')] });
runTurn(client, { ...params, container });
client.messages.create({ ...params, messages: turn.messages, container: container.toParam() });
client.messages.create(params).then((message) => {
  const next = nextParams(params, message);
  executionsOf(message);
  if (next) return client.messages.create(next);
  return undefined;
});
client.beta.messages.create(params).then((message) => executionsOf(message));
client.messages.create({ ...params, tools: [codeExecutionTool({ version: 'code_execution_20250522' })] });

// A handle in the place of the API's own form would be a 400.
// @ts-expect-error camelCase and always with skills
client.messages.create({ ...params, container });
// @ts-expect-error the data of a handle, too
client.messages.create({ ...params, container: container.toJSON() });

// @ts-expect-error no such version
codeExecutionTool({ version: 'code_execution_20301231' });
// @ts-expect-error a turn is always streamed
runTurn(client, { ...params, stream: true });
// @ts-expect-error a typo in params
runTurn(client, { ...params, max_token: 1 });
// @ts-expect-error a typo in options
streamTurn(client, params, { maxPause: 1 });
// @ts-expect-error no client
runTurn({}, params);
// @ts-expect-error only Python cells have code
execution.code;
if (execution.kind === 'python') execution.code satisfies string | null;
// @ts-expect-error states are not changed
turn.text = '';
// An error code of tomorrow compiles, and known ones complete in an editor.
execution.errorCode satisfies string | null;
// @ts-expect-error a missing name
if (execution.kind === 'javascript') execution;
