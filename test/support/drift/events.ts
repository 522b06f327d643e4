/** An event of a stream, with the name on its `event:` line. */
export interface NamedEvent {
  readonly name: string;
  readonly data: { readonly type: string; readonly [key: string]: unknown };
}

export function eventsOf(sse: string): NamedEvent[] {
  return sse
    .split(/\r?\n\r?\n/)
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const lines = part.split(/\r?\n/);
      const field = (name: string) =>
        lines
          .find((line) => line.startsWith(`${name}:`))
          ?.slice(name.length + 1)
          .trim() ?? '';
      return { name: field('event'), data: JSON.parse(field('data')) };
    });
}

/** The message that a stream spells, as far as blocks and stop reason go. */
export function messageOf(events: readonly NamedEvent[]): {
  content: { type: string }[];
  stop_reason: string;
} {
  const content: Record<string, unknown>[] = [];
  const inputs: string[] = [];
  let stopReason = '';
  for (const { data } of events) {
    const index = Number(data['index']);
    const message = data['message'] as { content: object[]; stop_reason: string | null } | undefined;
    if (data.type === 'message_start' && message) {
      content.push(...(message.content as Record<string, unknown>[]));
      stopReason = message.stop_reason ?? '';
    }
    if (data.type === 'content_block_start')
      content[index] = structuredClone(data['content_block'] as Record<string, unknown>);
    const block = content[index] ?? {};
    const delta = (data['delta'] ?? {}) as Record<string, string>;
    if (delta['type'] === 'text_delta') block['text'] += delta['text'] ?? '';
    if (delta['type'] === 'citations_delta') (block['citations'] as unknown[]).push(delta['citation']);
    if (delta['type'] === 'thinking_delta') block['thinking'] += delta['thinking'] ?? '';
    if (delta['type'] === 'input_json_delta') inputs[index] = (inputs[index] ?? '') + delta['partial_json'];
    if (data.type === 'content_block_stop' && inputs[index]) block['input'] = JSON.parse(inputs[index]);
    if (data.type === 'message_delta') stopReason = delta['stop_reason'] ?? '';
  }
  return { content: content as { type: string }[], stop_reason: stopReason };
}

/**
 * Events as one value to compare: a run of deltas of one kind counts as one, since
 * texts are cut anywhere, and pings are left out, since they come at any time.
 */
export function comparable(events: readonly NamedEvent[]): { order: object[]; events: object[] } {
  const order: { type: string }[] = [];
  const kept: object[] = [];
  for (const { name, data } of events) {
    if (data.type === 'ping') continue;
    const detail = (data['delta'] ?? data['content_block'] ?? {}) as { type?: string };
    const kind = [data.type, detail.type].filter(Boolean).join(' ');
    const type = `${kind} #${data['index'] ?? ''} ${name === data.type ? '' : `named ${name}`}`.trim();
    if (type === order.at(-1)?.type && data.type === 'content_block_delta') continue;
    order.push({ type });
    kept.push({ ...data, type: kind });
  }
  return { order, events: kept };
}
