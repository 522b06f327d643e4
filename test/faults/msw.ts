import { http } from 'msw';
import { setupServer } from 'msw/node';

/** Answers where the network itself is at fault. Started by the test that runs the rows. */
export const server = setupServer();

let worlds = 0;

/** A base URL of its own, whose POSTs get these answers, the last one again and again. Never a real host. */
export function answeredWith(answers: readonly (() => Response)[]): string {
  const baseURL = `http://127.0.0.1:59999/${worlds++}`;
  let count = 0;
  server.use(http.post(`${baseURL}/v1/messages`, () => answers[Math.min(count++, answers.length - 1)]?.()));
  return baseURL;
}

/**
 * `fetch` as msw answers it. It keeps a second branch of
 * each body, on which a `cancel()` would wait for ever.
 */
export async function fetchMocked(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const { body, status, headers } = await globalThis.fetch(input, init);
  const reader = body?.getReader();
  const own = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => void reader?.cancel(reason),
  });
  return new Response(body && own, { status, headers });
}
