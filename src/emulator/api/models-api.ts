import { json, notFound } from '../protocol/http.ts';
import type { EmulatedModel, Models } from '../protocol/models.ts';
import type { ReceivedRequest } from '../protocol/received-request.ts';
import type { Store } from '../store/store.ts';
import { idPage } from './pages.ts';

const yes = { supported: true };

/** The Models endpoints. `path` is what follows `/v1/models`. */
export function handleModels(
  request: ReceivedRequest,
  path: string,
  models: Models,
  store: Store,
): Response | undefined {
  if (request.method !== 'GET') return undefined;
  const [, id] = path.split('/');
  if (!id) return json(idPage(models.all.map(formatted), request.url.searchParams), store.ids);
  const model = models.find(id);
  if (!model) throw notFound(`model: ${id}`);
  return json(formatted(model), store.ids);
}

/** Dates and limits are examples; that the tools are supported is what a program may ask for. */
function formatted({ id, name, line, released }: EmulatedModel) {
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
