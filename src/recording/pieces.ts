import type { Range } from './decoded-text.ts';
import { isSecretName, REDACTED } from './secret-names.ts';

/** What stands in the place of a part of a piece. */
export interface Cut extends Range {
  readonly text: string;
}

/** What is known of a text by the place in which it stands. */
interface Place {
  /** The name of its field, or of that of its list. */
  readonly name: string;
  /** That of the field around it. */
  readonly parent: string;
  /** The number of its block in a stream; -1 outside of blocks. */
  readonly block: number;
  readonly isSecret: boolean;
  readonly isInError: boolean;
}

/** One text of an exchange: a value, or the name of a field. */
export interface Piece {
  readonly source: string;
  readonly place: Place;
  readonly cuts: Cut[];
  /** The texts that surely are one: those of a field of a block, or this one alone. */
  readonly strand: Chain;
}

/** Texts in the order in which a reader joins them, each to the next. */
export type Chain = readonly Piece[];

/** A value whose texts may be cut. */
export interface Pieces {
  readonly pieces: readonly Piece[];
  readonly strands: readonly Chain[];
  /** The value with its cuts, and each line of a text as it came where nothing was cut in it. */
  write(): unknown;
}

/** What an entry of `mcp_servers` has for a name. */
export const SERVER = '(MCP server)';
/** What it has that is no secret, its URL apart: headers, tokens and what else it takes are secrets. */
const OF_SERVER = /^(?:type|name|url|tool_configuration)$/;
/** What names of fields have for a name. */
const NAMES = '(names)';
/** Most names, and types, which hold no secret. */
const WORD = /^[a-z_]{1,40}$/;
const TOP: Place = { name: '', parent: '', block: -1, isSecret: false, isInError: false };
/** Names of what is described, not of what has a value. */
const DESCRIBING = /^(?:properties|patternProperties|\$defs|definitions)$/;

/** Reads all texts of a request or a response; those in a body of text line by line. */
export function readPieces(value: object): Pieces {
  const pieces: Piece[] = [];
  const strands: Piece[][] = [];
  const streamed = new Map<string, Piece[]>();

  function pieceAt(source: string, place: Place): Piece {
    const key = `${place.block} ${place.name}`;
    const begun = place.block < 0 ? undefined : streamed.get(key);
    const strand = begun ?? [];
    if (!begun) strands.push(strand);
    if (!begun && place.block >= 0) streamed.set(key, strand);
    const piece = { source, place, cuts: [], strand };
    strand.push(piece);
    pieces.push(piece);
    return piece;
  }

  /** Gives what writes the value. */
  function read(value: unknown, place: Place): () => unknown {
    if (place.name === 'type' && typeof value === 'string' && WORD.test(value)) return () => value;
    if (typeof value === 'string' || (typeof value === 'number' && place.isSecret)) {
      const piece = pieceAt(String(value), place);
      if (place.isSecret) return () => REDACTED;
      return () => (piece.cuts.length > 0 ? written(piece) : value);
    }
    if (typeof value !== 'object' || value === null) return () => value;
    if (Array.isArray(value)) {
      const inside = place.name === 'mcp_servers' ? { ...place, name: SERVER } : place;
      const items = value.map((item) => read(item, inside));
      return () => items.map((write) => write());
    }
    const object = value as Readonly<Record<string, unknown>>;
    const { type, text, base64 } = object;
    if (place.name === 'body' && place.parent === '') {
      if (type === 'base64') return readBytes(object, String(base64));
      if (type === 'text') {
        const write = readLines(String(text));
        return () => ({ ...object, text: write() });
      }
    }
    const isInError = place.isInError || type === 'error';
    const label = object['name'] ?? object['key'];
    const isPair = typeof label === 'string' && isSecretName(label);
    const entries = Object.entries(object).map(([name, child]) => {
      const isDescribed = DESCRIBING.test(place.name) && typeof child === 'object';
      const isSecret =
        place.isSecret ||
        (!isDescribed && isSecretName(name)) ||
        (isPair && name === 'value') ||
        (place.name === SERVER && !OF_SERVER.test(name));
      const writeName = WORD.test(name) ? () => name : readRaw(name, { ...TOP, name: NAMES });
      const inside = { ...place, name, parent: place.name, isSecret, isInError };
      return [writeName, read(child, inside)] as const;
    });
    return () => Object.fromEntries(entries.map(([writeName, write]) => [writeName(), write()]));
  }

  /** What is no text may hold one. */
  function readBytes(body: object, base64: string): () => unknown {
    const write = readRaw(Buffer.from(base64, 'base64').toString('latin1'), TOP);
    return () => ({ ...body, base64: Buffer.from(write(), 'latin1').toString('base64') });
  }

  /** Line by line, as events and JSON lines are written. */
  function readLines(text: string): () => string {
    let block = -1;
    const lines = text.split(/(\r\n|\r|\n)/).map((line) => {
      const [, prefix = '', content = ''] = /^(data: ?)?(.*)$/s.exec(line) ?? [];
      if (!/^\s*[{["]/.test(content)) return line.trim() === '' ? () => line : readRaw(line, TOP);
      const json = parsed(content);
      if (json === undefined) return readCutLine(line, block);
      block = prefix === '' ? -1 : blockOf(json.value);
      const before = pieces.length;
      const write = read(json.value, { ...TOP, block });
      const own = pieces.slice(before);
      return () =>
        own.some(({ cuts, place }) => cuts.length > 0 || place.isSecret)
          ? prefix + JSON.stringify(write())
          : line;
    });
    return () => lines.map((write) => write()).join('');
  }

  function readRaw(line: string, place: Place): () => string {
    const piece = pieceAt(line, place);
    return () => written(piece);
  }

  /** An event that was cut off: its last text goes on with what the block before it said. */
  function readCutLine(line: string, last: number): () => string {
    const [, before, name, text] = /^(.*"([^"\\]+)":\s*")((?:[^"\\]|\\.)*\\?)$/s.exec(line) ?? [];
    if (before === undefined || name === undefined || text === undefined) return readRaw(line, TOP);
    const index = /"index":\s*(\d+)/.exec(before)?.[1];
    const block = index === undefined ? last : Number(index);
    const [start, end] = [readRaw(before, TOP), readRaw(text, { ...TOP, block, name })];
    return () => start() + end();
  }

  const write = read(value, TOP);
  return { pieces, strands, write };
}

/** Stand between the texts of which a reader makes one. */
const STRUCTURE = /^(?:type|role|model|name|stop_reason|\(names\)|id|.*_id)$/;

/** All pieces as one text, and those of each name as one, in the order of the blocks. */
export function chainsOf(pieces: readonly Piece[]): Chain[] {
  const inOrder = pieces.toSorted((one, other) => one.place.block - other.place.block);
  const byName = new Map<string, Piece[]>();
  for (const piece of inOrder) {
    const chain = byName.get(piece.place.name);
    if (chain) chain.push(piece);
    else byName.set(piece.place.name, [piece]);
  }
  return [...byName.values(), inOrder.filter(({ place }) => !STRUCTURE.test(place.name))];
}

export const joinedText = (chain: Chain) => chain.map(({ source }) => source).join('');

/**
 * Cuts ranges of a joined text out of its pieces: what stands in the place of each goes into the first
 * of its pieces. One walk over both, so that its time grows with their number alone. `goesOn` ends a
 * range early, at a piece whose part of it does not belong to it.
 */
export function cut(
  chain: Chain,
  ranges: readonly Cut[],
  goesOn: (part: string, piece: Piece, first: Piece) => boolean = () => true,
): void {
  let index = 0;
  let start = 0;
  for (const { from, to, text } of ranges) {
    for (let piece = chain[index]; piece && start + piece.source.length <= from; piece = chain[index]) {
      start += piece.source.length;
      index++;
    }
    for (let [at, offset] = [index, start]; offset < to; at++) {
      const piece = chain[at];
      if (!piece) break;
      const [first, last] = [Math.max(from - offset, 0), Math.min(to - offset, piece.source.length)];
      const isFirst = at === index;
      if (!isFirst && !goesOn(piece.source.slice(first, last), piece, chain[index] ?? piece)) break;
      if (last > first) piece.cuts.push({ from: first, to: last, text: isFirst ? text : '' });
      offset += piece.source.length;
    }
  }
}

function written({ source, cuts }: Piece): string {
  let text = '';
  let at = 0;
  let open: Cut | undefined;
  const close = () => {
    if (!open) return;
    text += source.slice(at, open.from) + open.text;
    at = open.to;
  };
  // What goes on from the piece before comes first, and is not named a second time.
  for (const one of cuts.toSorted((a, b) => a.from - b.from || a.text.length - b.text.length)) {
    if (open && one.from < open.to) {
      open = { from: open.from, to: Math.max(open.to, one.to), text: open.text };
    } else {
      close();
      open = one;
    }
  }
  close();
  return text + source.slice(at);
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function blockOf(event: unknown): number {
  const index = (event as { readonly index?: unknown } | null)?.index;
  return typeof index === 'number' ? index : -1;
}
