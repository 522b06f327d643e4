/** A place where two values differ in keys or types. */
export interface Difference {
  /** `content[].code_execution_tool_result.caller`: blocks are named by their types. */
  readonly path: string;
  readonly recorded: string;
  readonly emulated: string;
}

/** Keys under which a client or a program put values of its own. */
const OPAQUE = new Set(['input']);

/** Compares keys and types, and the order of blocks; not texts, numbers or the order of keys. */
export function differencesOf(recorded: unknown, emulated: unknown, path = ''): Difference[] {
  const [left, right] = [kindOf(recorded), kindOf(emulated)];
  if (left !== right) return [{ path, recorded: left, emulated: right }];
  if (Array.isArray(recorded)) return arrayDifferences(recorded, emulated as unknown[], path);
  if (left !== 'object') return [];
  const [one, other] = [recorded, emulated] as [Record<string, unknown>, Record<string, unknown>];
  const name = typeof one['type'] === 'string' && path.endsWith('[]') ? `${path}.${one['type']}` : path;
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((key) => {
    const at = name ? `${name}.${key}` : key;
    if (key === 'type' && one[key] !== other[key]) {
      return [{ path: at, recorded: String(one[key]), emulated: String(other[key]) }];
    }
    if (OPAQUE.has(key) && key in one && key in other) {
      const same = JSON.stringify(keysOf(one[key])) === JSON.stringify(keysOf(other[key]));
      return same
        ? []
        : [{ path: at, recorded: keysOf(one[key]).join(), emulated: keysOf(other[key]).join() }];
    }
    return differencesOf(one[key], other[key], at);
  });
}

function arrayDifferences(
  recorded: readonly unknown[],
  emulated: readonly unknown[],
  path: string,
): Difference[] {
  const at = `${path}[]`;
  const [left, right] = [recorded.map(typeOf), emulated.map(typeOf)];
  if (left.join() !== right.join())
    return [{ path: at, recorded: left.join(' '), emulated: right.join(' ') }];
  return recorded.flatMap((one, index) => differencesOf(one, emulated[index], at));
}

const keysOf = (value: unknown) => Object.keys(value as object).sort();
const typeOf = (value: unknown) => String((value as { type?: unknown } | null)?.type ?? kindOf(value));

function kindOf(value: unknown): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
