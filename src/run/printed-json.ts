/** What a terminal would not show: colours, titles, cursor moves. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/** A stdout as a terminal shows it in the end: of a line of progress, what stands after its last `\r`. */
export function asShown(stdout: string): string {
  const text = stdout.replace(ESCAPES, '').replace(/^\ufeff/gm, '');
  // Most texts have no `\r`, and a list of their lines costs more than they do.
  return (text.includes('\r') ? text.split('\n').map(lineAsShown).join('\n') : text).trimEnd();
}

function lineAsShown(line: string): string {
  const shown = line.replace(/\r+$/, '');
  return shown.slice(shown.lastIndexOf('\r') + 1);
}

/** The JSON that stands at the end of a text: the whole of it, its last line, or the indented block. */
export function jsonAtEnd(text: string): { readonly json: string; readonly value: unknown } | undefined {
  for (const json of candidatesIn(text)) {
    const value = parsed(json);
    // The next candidate is shorter.
    if (value !== undefined) return { json, value };
  }
  return undefined;
}

/** `NaN` or `Infinity` of Python's `json.dumps`, where only they keep the end from being JSON. */
export function notANumberIn(text: string): string | undefined {
  if (!/NaN|Infinity/.test(text)) return undefined;
  for (const json of candidatesIn(text)) {
    const words = [...numbersIn(json)].filter(({ number }) => /[Ny]$/.test(number));
    let patched = '';
    let at = 0;
    for (const { number, index } of words) {
      patched += `${json.slice(at, index)}0`;
      at = index + number.length;
    }
    if (parsed(patched + json.slice(at)) !== undefined) return words[0]?.number;
  }
  return undefined;
}

const CLOSING: Readonly<Record<string, string>> = { '[': ']', '{': '}' };

/** `undefined` stands for no JSON, since none parses to it. */
function parsed(json: string): unknown {
  // What opens and is not closed would be read to its end, for nothing.
  const closing = CLOSING[json[0] ?? ''];
  if (closing !== undefined && !json.endsWith(closing)) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** The first number that JavaScript cannot hold: an integer that would be rounded, or what is too large. */
export function inexactNumberIn(json: string): string | undefined {
  if (!/\d{16}|\de/i.test(json)) return undefined;
  for (const { number } of numbersIn(json)) {
    const held = Number(number);
    const isRounded = /^-?\d{16,}$/.test(number) && Number.isFinite(held) && BigInt(held) !== BigInt(number);
    if (isRounded || Math.abs(held) === Number.POSITIVE_INFINITY) return number;
  }
  return undefined;
}

export function lastLine(text: string): string {
  return text.slice(text.lastIndexOf('\n') + 1);
}

function candidatesIn(text: string): string[] {
  const line = lastLine(text);
  const block = indentedBlock(text, line);
  return block === undefined ? [text, line] : [text, line, block];
}

/**
 * From the last line that is only the bracket which the
 * last line closes: one search, however long the log is.
 */
function indentedBlock(text: string, line: string): string | undefined {
  const opening = { '}': '\n{\n', ']': '\n[\n' }[line];
  const start = opening === undefined ? -1 : text.lastIndexOf(opening);
  return start === -1 ? undefined : text.slice(start + 1);
}

/** The numbers outside of texts, and what Python writes for those that JSON does not have. One pass. */
function* numbersIn(json: string): Generator<{ readonly number: string; readonly index: number }> {
  const token = /"|-?(?:\d[\d.eE+-]*|NaN|Infinity)/g;
  for (let match = token.exec(json); match; match = token.exec(json)) {
    if (match[0] === '"') token.lastIndex = endOfText(json, token.lastIndex);
    else yield { number: match[0], index: match.index };
  }
}

/** After the quote that ends a text: one before which no backslash stands, or an even number of them. */
function endOfText(json: string, start: number): number {
  for (let quote = json.indexOf('"', start); quote !== -1; quote = json.indexOf('"', quote + 1)) {
    let before = quote;
    while (before > start && json[before - 1] === '\\') before--;
    if ((quote - before) % 2 === 0) return quote + 1;
  }
  return json.length;
}
