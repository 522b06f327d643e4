import Anthropic from '@anthropic-ai/sdk';
import { expect } from 'vitest';
import { expectSendable } from './sendable.ts';
import { response, sseOf } from './sse.ts';

/** What a response of {@link boundApi} is made of. */
export type Part = 'think' | 'say' | 'blank' | 'run' | 'open' | 'ask' | 'code';
export interface Answer {
  readonly parts: readonly Part[];
  readonly stopReason: string;
}

type Body = { readonly system?: unknown; readonly tools?: unknown; readonly messages: readonly Message[] };
type Message = { readonly role: string; readonly content: unknown };
type Block = Record<string, unknown> & { readonly type: string };

/**
 * An API that binds thinking to all that stood before it, as the newest models do. It answers what the list
 * says, in turn. `faults` are the requests that keep such a block and have something else before it, and
 * those that hold what the API refuses.
 */
export function boundApi(answers: readonly Answer[]) {
  const madeWith = new Map<unknown, string>();
  const bodies: Body[] = [];
  // A client takes what its fetch throws for a broken connection.
  const faults: unknown[] = [];
  let count = 0;
  const expectBound = (body: Body) => {
    for (const [at, message] of body.messages.entries()) {
      for (const [index, block] of blocksOf(message).entries()) {
        if (block.type !== 'thinking') continue;
        const before = allBefore(body, at, blocksOf(message).slice(0, index));
        expect(before, `messages.${at}.content.${index}`).toBe(madeWith.get(block['signature']));
      }
    }
  };
  const fetch = async (_: unknown, init?: RequestInit): Promise<Response> => {
    const body = JSON.parse(String(init?.body)) as Body;
    bodies.push(body);
    try {
      expectSendable(body.messages as never);
      expectBound(body);
    } catch (fault) {
      faults.push(fault);
    }
    const { parts, stopReason } = answers[bodies.length - 1] ?? { parts: ['say'], stopReason: 'end_turn' };
    const blocks = parts.flatMap((part) => blocksFor(part, ++count));
    for (const [index, block] of blocks.entries()) {
      // A response goes on from those that it was sent after: what was asked is all that stands before it.
      if (block.type !== 'thinking') continue;
      madeWith.set(block['signature'], allBefore(body, body.messages.length, blocks.slice(0, index)));
    }
    const sse = sseOf(response(blocks, { stopReason, container: { id: 'container_1', expires_at: null } }));
    return new Response(sse, { headers: { 'content-type': 'text/event-stream' } });
  };
  return { client: new Anthropic({ apiKey: 'none', maxRetries: 0, fetch }), bodies, faults };
}

/** All that stands before a block, without marks of the cache and deferred tools. */
function allBefore({ system, tools, messages }: Body, at: number, blocks: readonly Block[]): string {
  const kept = (Array.isArray(tools) ? tools : []).filter((tool) => !tool['defer_loading']);
  return JSON.stringify([system, kept, messages.slice(0, at), blocks], (key, value) =>
    key === 'cache_control' ? undefined : value,
  );
}

function blocksOf({ content }: Message): readonly Block[] {
  return Array.isArray(content) ? (content as Block[]) : [];
}

function blocksFor(part: Part, n: number): readonly Block[] {
  const id = `srvtoolu_${n}`;
  const call = { type: 'server_tool_use', id, name: 'bash_code_execution', input: { command: `echo ${n}` } };
  switch (part) {
    case 'think':
      return [{ type: 'thinking', thinking: `Thought ${n}.`, signature: `signature_${n}` }];
    case 'say':
      return [{ type: 'text', text: `Text ${n}.` }];
    case 'blank':
      return [{ type: 'text', text: '\n\n' }];
    case 'open':
      return [call];
    case 'run': {
      const content = {
        type: 'bash_code_execution_result',
        stdout: `${n}`,
        stderr: '',
        return_code: 0,
        content: [],
      };
      return [call, { type: 'bash_code_execution_tool_result', tool_use_id: id, content }];
    }
    case 'ask':
      return [{ type: 'tool_use', id: `toolu_${n}`, name: 'ask', input: { n } }];
    case 'code': {
      const caller = { type: 'code_execution_20260120', tool_id: id };
      return [
        { type: 'server_tool_use', id, name: 'code_execution', input: { code: 'await ask({})' } },
        { type: 'tool_use', id: `toolu_${n}`, name: 'ask', input: { n }, caller },
      ];
    }
  }
}
