/** What a line of an estimate is about. */
export type CostItem =
  | 'input'
  | 'output'
  | 'cache-read'
  | 'cache-write-5m'
  | 'cache-write-1h'
  | 'web-search'
  | 'container'
  /** What was used and has no known price: it is in neither sum. */
  | 'unpriced'
  /** What was taken for granted; it costs nothing by itself. */
  | 'assumption';

/** One line of an estimate: an amount, its price, and why. */
export interface CostLine {
  readonly what: CostItem;
  /** Of tokens: the model, as the API named it. */
  readonly model: string | null;
  readonly unit: 'token' | 'search' | 'hour' | 'exchange' | 'turn';
  /** The amount in the cheapest reading, and in the dearest. */
  readonly low: number;
  readonly high: number;
  /** USD for each unit, for a million of them where they are tokens; `null` where it is not known. */
  readonly usdPerUnit: number | null;
  /** `null` where the price is not known. Not rounded. */
  readonly lowUsd: number | null;
  readonly highUsd: number | null;
  readonly note: string;
  /** Where the price was read, and the ISO date of that. */
  readonly source: string | null;
  readonly asOf: string | null;
}

/** A line to add: amounts of lines that are alike in all else are summed. */
export type AddedLine = Pick<CostLine, 'what' | 'unit' | 'note'> &
  Partial<Pick<CostLine, 'model' | 'low' | 'high' | 'usdPerUnit' | 'source' | 'asOf'>>;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const PER: Readonly<Partial<Record<CostLine['unit'], number>>> = { token: 1_000_000 };

/** The lines of an estimate while they are gathered. Amounts are summed before they are multiplied. */
export class CostLines {
  readonly #lines = new Map<string, Mutable<Omit<CostLine, 'lowUsd' | 'highUsd'>>>();

  add(added: AddedLine): void {
    const { model = null, usdPerUnit = 0, low = 0, high = 0, source = null, asOf = null, ...rest } = added;
    if (low === 0 && high === 0) return;
    const key = JSON.stringify([rest.what, rest.unit, rest.note, model, usdPerUnit, source]);
    const line = this.#lines.get(key);
    if (!line) this.#lines.set(key, { ...rest, model, usdPerUnit, low, high, source, asOf });
    else {
      line.low += low;
      line.high += high;
    }
  }

  /** Something that holds for so many exchanges, or turns. */
  note(what: 'assumption' | 'unpriced', unit: 'exchange' | 'turn', note: string, count = 1): void {
    this.add({ what, unit, note, low: count, high: count, usdPerUnit: what === 'unpriced' ? null : 0 });
  }

  all(): CostLine[] {
    return [...this.#lines.values()].map(({ note, source, asOf, ...line }) => {
      const usd = (amount: number) =>
        line.usdPerUnit === null ? null : (amount * line.usdPerUnit) / (PER[line.unit] ?? 1);
      return { ...line, lowUsd: usd(line.low), highUsd: usd(line.high), note, source, asOf };
    });
  }
}
