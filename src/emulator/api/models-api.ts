import { json, notFound } from '../protocol/http.ts';
import type { ReceivedRequest } from '../protocol/received-request.ts';
import type { Store } from '../store/store.ts';
import { idPage } from './pages.ts';

/**
 * Models of the SDK's types and of the documentation that take the code execution tool (Oct and Nov 2026).
 */
const MODELS = [
  ['claude-opus-5-5', 'Claude Opus 5.5', 'opus', '2026-09-22'],
  ['claude-sonnet-5-5', 'Claude Sonnet 5.5', 'sonnet', '2026-09-28'],
  ['claude-haiku-5-5', 'Claude Haiku 5.5', 'haiku', '2026-11-09'],
  ['claude-fable-5-2', 'Claude Fable 5.2', 'fable', '2026-11-09'],
  ['claude-mythos-5-2', 'Claude Mythos 5.2', 'mythos', '2026-11-09'],
  ['claude-fable-5-1', 'Claude Fable 5.1', 'fable', '2026-09-01'],
  ['claude-mythos-5-1', 'Claude Mythos 5.1', 'mythos', '2026-09-01'],
  ['claude-fable-5', 'Claude Fable 5', 'fable', '2026-07-01'],
  ['claude-mythos-5', 'Claude Mythos 5', 'mythos', '2026-07-01'],
  ['claude-opus-5', 'Claude Opus 5', 'opus', '2026-07-24'],
  ['claude-sonnet-5', 'Claude Sonnet 5', 'sonnet', '2026-08-01'],
  ['claude-opus-4-8', 'Claude Opus 4.8', 'opus', '2026-06-01'],
  ['claude-opus-4-7', 'Claude Opus 4.7', 'opus', '2026-04-01'],
  ['claude-opus-4-6', 'Claude Opus 4.6', 'opus', '2026-02-05'],
  ['claude-sonnet-4-6', 'Claude Sonnet 4.6', 'sonnet', '2026-02-17'],
  ['claude-opus-4-5-20251101', 'Claude Opus 4.5', 'opus', '2025-11-01'],
  ['claude-sonnet-4-5-20250929', 'Claude Sonnet 4.5', 'sonnet', '2025-09-29'],
  ['claude-haiku-4-5-20251001', 'Claude Haiku 4.5', 'haiku', '2025-10-01'],
] as const;

const yes = { supported: true };

/** The Models endpoints. `path` is what follows `/v1/models`. */
export function handleModels(request: ReceivedRequest, path: string, store: Store): Response | undefined {
  if (request.method !== 'GET') return undefined;
  const [, id] = path.split('/');
  const models = MODELS.map(formatted);
  if (!id) return json(idPage(models, request.url.searchParams), store.ids);
  // An alias is the id without its date.
  const model = models.find((one) => one.id === id || one.id.replace(/-\d{8}$/, '') === id);
  if (!model) throw notFound(`model: ${id}`);
  return json(model, store.ids);
}

/** Dates and limits are examples; that the tools are supported is what a program may ask for. */
function formatted([id, name, line, released]: (typeof MODELS)[number]) {
  return {
    type: 'model',
    id,
    display_name: name,
    line,
    lifecycle: 'active',
    created_at: `${released}T00:00:00Z`,
    deprecated_at: null,
    retires_at: null,
    max_input_tokens: 1_000_000,
    max_tokens: 128_000,
    capabilities: {
      batch: yes,
      citations: yes,
      code_execution: yes,
      context_management: {
        supported: true,
        clear_thinking_20251015: yes,
        clear_tool_uses_20250919: yes,
        compact_20260112: yes,
      },
      effort: { supported: true, low: yes, medium: yes, high: yes, xhigh: yes, max: yes },
      image_input: yes,
      pdf_input: yes,
      server_tools: { supported: true, code_execution: yes, web_search: yes },
      structured_outputs: yes,
      thinking: {
        supported: true,
        types: { adaptive: yes, between_tools: yes, disabled: yes, enabled: yes },
      },
    },
  };
}
