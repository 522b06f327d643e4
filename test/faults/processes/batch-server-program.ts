import { bash, callTool, cannedSandbox, createEmulator, pause, say } from 'code-execution-kit/emulator';
import { listen } from '../../../src/emulator/api/server.ts';
import { kindOf } from './batch-items.ts';

/** The emulator in a process of its own. `/report` says what was billed: answered items, by their history. */
const bills = new Map<string, number>();
const seen = new Map<string, number>();

const emulator = createEmulator({
  maxRequests: 0,
  sandbox: cannedSandbox(() => ({ stdout: 'ran\n' })),
  batchItem(customId, params) {
    const { kind } = kindOf(customId);
    const times = seen.get(customId) ?? 0;
    seen.set(customId, times + 1);
    if (kind === 'refused') return { type: 'invalid_request_error', message: 'emulated' };
    if (times === 0 && kind === 'overloaded') return { type: 'overloaded_error' };
    if (times === 0 && (kind === 'expired' || kind === 'canceled')) return kind;
    const { length } = params['messages'] as readonly unknown[];
    const bill = `${customId} ${length}`;
    bills.set(bill, (bills.get(bill) ?? 0) + 1);
    return undefined;
  },
  script({ text }) {
    const [customId = ''] = text.split(' ');
    const { kind, pauses } = kindOf(customId);
    const paused = Array.from({ length: pauses }, (_, n) => [bash(`echo ${n}`), say(`part ${n}`), pause()]);
    if (kind === 'tool') return [callTool('double', { n: 21 }), say(`done ${customId}`)];
    return [...paused.flat(), say(`done ${customId}`)];
  },
});

const server = await listen(async (request) => {
  if (new URL(request.url).pathname !== '/report') return emulator.fetch(request);
  const repeated = [...bills].filter(([, count]) => count > 1).map(([bill]) => bill);
  return Response.json({ billed: bills.size, repeated });
}, {});
process.stdout.write(`${server.url}\n`);
