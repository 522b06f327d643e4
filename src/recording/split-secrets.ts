/** What is looked for, with the `g` flag, and what stands in its place. */
export type Patterns = readonly (readonly [RegExp, string])[];

/** The texts that a stream delivers in pieces. */
const FIELDS = ['text', 'thinking', 'partial_json'];

interface Piece {
  readonly line: number;
  readonly event: { readonly delta: Readonly<Record<string, unknown>> };
  readonly field: string;
  text: string;
  isChanged: boolean;
}

/**
 * Replaces what is found in the deltas of a block, also where it is spread over several and no event shows
 * it alone: its replacement goes into the first of them. Lines in which nothing was found are not touched.
 */
export function replaceSplit(stream: string, patterns: Patterns): string {
  const lines = stream.split('\n');
  const blocks = new Map<string, Piece[]>();
  lines.forEach((line, number) => {
    if (!line.startsWith('data:') || !line.includes('content_block_delta')) return;
    const [block, piece] = pieceOf(line, number) ?? [];
    if (block === undefined || !piece) return;
    const pieces = blocks.get(block);
    if (pieces) pieces.push(piece);
    else blocks.set(block, [piece]);
  });
  for (const pieces of blocks.values()) {
    for (const [pattern, replacement] of patterns) replaceOver(pieces, pattern, replacement);
    for (const { line, event, field, text, isChanged } of pieces) {
      if (!isChanged) continue;
      const end = lines[line]?.endsWith('\r') ? '\r' : '';
      lines[line] = `data: ${JSON.stringify({ ...event, delta: { ...event.delta, [field]: text } })}${end}`;
    }
  }
  return lines.join('\n');
}

function pieceOf(line: string, number: number): readonly [string, Piece] | undefined {
  let event: { readonly index?: unknown; readonly delta?: Readonly<Record<string, unknown>> } | null;
  try {
    event = JSON.parse(line.slice('data:'.length));
  } catch {
    return undefined;
  }
  const delta = event?.delta;
  const field = FIELDS.find((name) => typeof delta?.[name] === 'string');
  if (!event || !delta || field === undefined) return undefined;
  const text = String(delta[field]);
  return [
    `${event.index} ${field}`,
    { line: number, event: { ...event, delta }, field, text, isChanged: false },
  ];
}

/**
 * One walk over pieces and matches together, so that many
 * of both take time that grows with their number alone.
 */
function replaceOver(pieces: readonly Piece[], pattern: RegExp, replacement: string): void {
  const whole = pieces.map(({ text }) => text).join('');
  const matches = whole.matchAll(pattern);
  let match = matches.next().value;
  let start = 0;
  for (const piece of pieces) {
    const end = start + piece.text.length;
    let kept = start;
    let text = '';
    while (match && match.index < end) {
      const [found] = match;
      if (match.index >= start) text += whole.slice(kept, match.index) + found.replace(pattern, replacement);
      kept = Math.min(match.index + found.length, end);
      piece.isChanged = true;
      // What is left of it begins the next piece.
      if (match.index + found.length > end) break;
      match = matches.next().value;
    }
    piece.text = text + whole.slice(kept, end);
    start = end;
  }
}
