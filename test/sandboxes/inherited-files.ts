import { bash, createEmulator, systemSandbox } from '../../src/emulator/index.ts';
import { API_HEADERS } from '../support/headers.ts';

/** Started with an open file as descriptor 200: prints what the sandbox makes of it. */
await using emulator = createEmulator({
  script: [bash('cat <&200; ls /proc/self/fd')],
  sandbox: systemSandbox(),
});
const reply = await emulator.fetch('http://localhost/v1/messages', {
  method: 'POST',
  headers: API_HEADERS,
  body: JSON.stringify({
    model: 'claude-opus-5-5',
    max_tokens: 100,
    tools: [{ type: 'code_execution_20260120', name: 'code_execution' }],
    messages: [{ role: 'user', content: 'Go.' }],
  }),
});
console.log(JSON.stringify((await reply.json()).content[1].content));
