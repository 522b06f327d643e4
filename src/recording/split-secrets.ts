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
 * Replaces what is found in the deltas of a block, also where it is spread over several and no event shows it alone: its
 * replacement goes into the first of them. Lines in which nothing was found are not touched.
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

function replaceOver(pieces: readonly Piece[], pattern: RegExp, replacement: string): void {
  const whole = pieces.map(({ text }) => text).join('');
  // From the last to the first, so that what stands before keeps its place.
  for (const match of [...whole.matchAll(pattern)].reverse()) {
    const [found] = match;
    const first = match.index;
    const end = first + found.length;
    let start = 0;
    const touched = pieces.flatMap((piece) => {
      const from = Math.max(0, first - start);
      const to = Math.min(piece.text.length, end - start);
      start += piece.text.length;
      return from < to ? [{ piece, from, to }] : [];
    });
    touched.forEach(({ piece, from, to }, index) => {
      const instead = index === 0 ? found.replace(pattern, replacement) : '';
      piece.text = piece.text.slice(0, from) + instead + piece.text.slice(to);
      piece.isChanged = true;
    });
  }
}
