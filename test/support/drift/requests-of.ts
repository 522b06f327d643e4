import { API_HEADERS } from '../headers.ts';
import type { Recording } from '../recordings.ts';
import { eventsOf, messageOf } from './events.ts';
import type { Block } from './script-of.ts';

/** One request to the emulator. */
interface Request {
  readonly path: string;
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * The requests of a recording in their order, with the ids
 * that the emulator gave in place of the recorded ones.
 */
export interface Requests {
  next(): Request;
  answered(recorded: Recording['responses'][number], emulated: string): void;
}

/** As they were sent; where only the answers were recorded, requests that lead to such answers. */
export function requestsOf(recording: Recording): Requests {
  return recording.requests.length > 0 ? recorded(recording) : made(recording);
}

const ID = /\b(?:file|container|srvtoolu|toolu)_[A-Za-z0-9]+/g;

function recorded({ requests }: Recording): Requests {
  const ids = new Map<string, string>();
  const renamed = (text: string) => text.replace(ID, (id) => ids.get(id) ?? id);
  let index = 0;
  return {
    next() {
      const {
        method,
        path,
        headers,
        body,
        body_text: text,
      } = requests[index++] as Recording['requests'][number];
      const sent = body ? JSON.stringify(body) : text;
      // Without this header, which the recordings leave out, files have their newer shape.
      const beta = path.startsWith('/v1/files') ? { 'anthropic-beta': 'files-api-2025-04-14' } : {};
      return {
        method,
        path: renamed(path),
        headers: { ...headers, ...beta },
        ...(sent === undefined ? {} : { body: renamed(sent) }),
      };
    },
    answered({ sse, body }, emulated) {
      const theirs = (sse ?? JSON.stringify(body ?? '')).match(ID) ?? [];
      const ours = emulated.match(ID) ?? [];
      for (const prefix of ['file', 'container', 'srvtoolu', 'toolu']) {
        const [from, to] = [theirs, ours].map((all) => [
          ...new Set(all.filter((id) => id.startsWith(`${prefix}_`))),
        ]);
        from?.forEach((id, place) => {
          const match = to?.[place];
          if (match && !ids.has(id)) ids.set(id, match);
        });
      }
    },
  };
}

/** A conversation that goes on as the stop reasons say, with a tool for every call that was recorded. */
function made({ responses }: Recording): Requests {
  const messages: object[] = [{ role: 'user', content: 'Go.' }];
  const blocks = responses.flatMap(
    ({ sse, body }) => (sse ? messageOf(eventsOf(sse)) : body)?.['content'] as Block[],
  );
  const tools = toolsFor(blocks);
  const isStream = responses[0]?.sse !== undefined;
  const hasSkills = JSON.stringify(responses).includes('"skills":[{');
  let round = 0;
  let container: unknown = hasSkills
    ? { skills: [{ type: 'anthropic', skill_id: 'pptx', version: 'latest' }] }
    : undefined;
  return {
    next: () => ({
      path: '/v1/messages',
      method: 'POST',
      headers: API_HEADERS,
      body: JSON.stringify({
        model: 'claude-opus-4-6',
        max_tokens: 4096,
        stream: isStream,
        tools,
        messages,
        container,
      }),
    }),
    answered(_, emulated) {
      const message = isStream ? messageOf(eventsOf(emulated)) : JSON.parse(emulated);
      const { content, container: used } = message as { content: Block[]; container?: { id: string } };
      container = used?.id ?? container;
      messages.push({ role: 'assistant', content });
      const calls = content.filter(({ type }) => type === 'tool_use');
      // The recorded game of dice is won after four rounds, the first of which is a draw.
      round += 1;
      const results = calls.map(({ id }, place) => ({
        type: 'tool_result',
        tool_use_id: id,
        content: String(round === 1 ? 6 : 6 - place),
      }));
      if (results.length > 0) messages.push({ role: 'user', content: results });
    },
  };
}

function toolsFor(blocks: readonly Block[]): object[] {
  const fromCode = blocks.filter(({ type, caller }) => type === 'tool_use' && typeof caller === 'object');
  const names = new Set(fromCode.map(({ name }) => name));
  const web = new Set(
    blocks.flatMap(({ type, name }) =>
      type === 'server_tool_use' && /^web_/.test(String(name)) ? [name] : [],
    ),
  );
  return [
    { type: 'code_execution_20260120', name: 'code_execution' },
    ...[...names].map((name) => ({
      name,
      input_schema: { type: 'object' },
      allowed_callers: ['code_execution_20260120'],
    })),
    ...[...web].map((name) => ({ name, type: `${name}_20260209` })),
  ];
}
