/** A block of a message as it was sent. */
export type SentBlock = { readonly type: string; readonly [key: string]: unknown };

/**
 * One `POST /v1/messages`, with what of its answer reached
 * the client. Read here without a line of the library.
 */
export interface Exchange {
  messageId: string | undefined;
  /** Blocks whose end was sent, in order. */
  readonly blocks: SentBlock[];
  /** The names of all events, in order. */
  readonly events: string[];
  outputTokens: number;
  containerId: string | undefined;
  /** `message_stop` was sent. */
  isWhole: boolean;
}

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Keeps what passes between a client and the API. */
export class Tap {
  readonly exchanges: Exchange[] = [];

  get posts(): number {
    return this.exchanges.length;
  }

  /** Complete blocks that were sent. */
  get blocks(): readonly SentBlock[] {
    return this.exchanges.flatMap(({ blocks }) => blocks);
  }

  wrap(fetch: Fetch): Fetch {
    return async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const method = input instanceof Request ? input.method : (init?.method ?? 'GET');
      if (method.toUpperCase() !== 'POST' || !url.pathname.endsWith('/v1/messages'))
        return fetch(input, init);
      const exchange: Exchange = {
        messageId: undefined,
        blocks: [],
        events: [],
        outputTokens: 0,
        containerId: undefined,
        isWhole: false,
      };
      this.exchanges.push(exchange);
      const response = await fetch(input, init);
      if (!response.ok || !response.body) return response;
      const isJson = response.headers.get('content-type')?.includes('json') === true;
      const { status, headers } = response;
      return new Response(watched(response.body, isJson ? readsMessage(exchange) : readsEvents(exchange)), {
        status,
        headers,
      });
    };
  }
}

/** The same body: a chunk is looked at when it is read, never before. */
function watched(
  body: ReadableStream<Uint8Array>,
  look: (bytes: Uint8Array | undefined) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let isLeft = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        // Nobody gets it any more.
        if (isLeft) return;
        look(done ? undefined : value);
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel(reason) {
        isLeft = true;
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function readsMessage(exchange: Exchange) {
  const decoder = new TextDecoder();
  let text = '';
  return (bytes: Uint8Array | undefined) => {
    text += bytes ? decoder.decode(bytes, { stream: true }) : '';
    if (bytes) return;
    const message = parsed(text);
    if (message?.['type'] !== 'message') return;
    begin(exchange, message);
    exchange.isWhole = true;
  };
}

function readsEvents(exchange: Exchange) {
  const decoder = new TextDecoder();
  const open = new Map<number, { block: SentBlock; input: string }>();
  let text = '';
  return (bytes: Uint8Array | undefined) => {
    text += bytes ? decoder.decode(bytes, { stream: true }) : '';
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const lines of events) {
      const data = lines.split('\n').flatMap((line) => (line.startsWith('data:') ? [line.slice(5)] : []));
      const event = parsed(data.join('\n'));
      if (event) fold(exchange, open, event);
    }
  };
}

function fold(
  exchange: Exchange,
  open: Map<number, { block: SentBlock; input: string }>,
  event: Readonly<Record<string, unknown>>,
): void {
  exchange.events.push(String(event['type']));
  const index = Number(event['index']);
  const delta = (event['delta'] ?? {}) as Readonly<Record<string, unknown>>;
  const at = open.get(index);
  switch (event['type']) {
    case 'message_start':
      begin(exchange, event['message'] as Record<string, unknown>);
      break;
    case 'content_block_start':
      open.set(index, { block: event['content_block'] as SentBlock, input: '' });
      break;
    case 'content_block_delta':
      if (!at) break;
      at.input += String(delta['partial_json'] ?? '');
      for (const key of ['text', 'thinking'])
        if (key in delta) at.block = { ...at.block, [key]: `${at.block[key]}${delta[key]}` };
      if ('signature' in delta) at.block = { ...at.block, signature: delta['signature'] };
      break;
    case 'content_block_stop':
      if (!at) break;
      open.delete(index);
      exchange.blocks.push(at.input === '' ? at.block : { ...at.block, input: parsed(at.input) });
      break;
    case 'message_delta':
      report(exchange, { ...event, ...delta });
      break;
    case 'message_stop':
      exchange.isWhole = true;
  }
}

function begin(exchange: Exchange, message: Readonly<Record<string, unknown>>): void {
  exchange.messageId = String(message['id']);
  exchange.blocks.push(...((message['content'] ?? []) as SentBlock[]));
  report(exchange, message);
}

function report(exchange: Exchange, { usage, container }: Readonly<Record<string, unknown>>): void {
  exchange.outputTokens =
    (usage as { output_tokens?: number } | undefined)?.output_tokens ?? exchange.outputTokens;
  exchange.containerId = (container as { id?: string } | null | undefined)?.id ?? exchange.containerId;
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
