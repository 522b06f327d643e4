import { EmulatorError } from '../protocol/emulator-error.ts';
import type { SearchResult } from '../script/words.ts';

/** A page of the web. */
export interface WebPage {
  readonly text: string;
  readonly title?: string | undefined;
}

/** What web tools find when code calls them. */
export interface WebPages {
  /** A page, or its text; `undefined` when it cannot be reached. */
  readonly fetch?: (url: string) => string | WebPage | undefined;
  readonly search?: (query: string) => readonly SearchResult[];
}

/** The `content` of a web tool's result; code gets it as JSON (recorded). */
export function webReply(
  web: WebPages,
  name: string,
  input: Readonly<Record<string, unknown>>,
  now: Date,
): unknown {
  if (name === 'web_search') return searchContent(asked(() => web.search?.(String(input['query']))) ?? []);
  const url = String(input['url']);
  const found = asked(() => web.fetch?.(url));
  if (found === undefined) return { type: 'web_fetch_tool_result_error', error_code: 'url_not_accessible' };
  const { text, title = null }: WebPage | { text: string; title: null } =
    typeof found === 'string' ? { text: found, title: null } : found;
  return {
    type: 'web_fetch_result',
    url,
    retrieved_at: now.toISOString(),
    content: {
      type: 'document',
      source: { type: 'text', media_type: 'text/plain', data: text },
      title,
    },
  };
}

/** A fault of these functions is their author's. */
function asked<T>(find: () => T): T {
  try {
    return find();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EmulatorError(`the option web failed: ${reason}`, { code: 'script_failed', cause: error });
  }
}

/** The `content` of a search result. */
export function searchContent(results: readonly SearchResult[]): object[] {
  return results.map(({ title, url, pageAge = null }) => ({
    type: 'web_search_result',
    title,
    url,
    encrypted_content: 'emulated',
    page_age: pageAge,
  }));
}
