import type { ProcessRow, Range, Row } from './row.ts';
import { GROUPS } from './rows/index.ts';

export const START = '<!-- faults: written by npm run test:faults -- see test/faults -->';
export const END = '<!-- /faults -->';

/** The table of docs/reliability.md, from what the rows say. */
export function faultTable(): string {
  return GROUPS.map(({ title, rows }) => [`### ${title}`, '', ...tableOf(rows)].join('\n')).join('\n\n');
}

/** Faults of the table, and how often they are done all in all. */
export function counts(): { readonly rows: number; readonly times: number } {
  const rows = GROUPS.flatMap((group) => group.rows);
  return { rows: rows.length, times: rows.reduce((sum, { variants = 1 }) => sum + variants, 0) };
}

function tableOf(rows: readonly (Row | ProcessRow)[]): string[] {
  return [
    '| fault | times | POSTs | SDK | what comes of it | blocks |',
    '|---|---:|---:|---:|---|---:|',
    ...rows.map(({ fault, variants = 1, posts, sdk, outcome, blocks }) => {
      const cells = [fault, variants, rangeText(posts), sdk === null ? '–' : rangeText(sdk)];
      return `| ${[...cells, outcomeText(outcome), rangeText(blocks)].join(' | ')} |`;
    }),
  ];
}

const rangeText = (range: Range) => (typeof range === 'number' ? String(range) : range.join('–'));

function outcomeText(outcome: string | readonly string[]): string {
  const all = typeof outcome === 'string' ? [outcome] : outcome;
  return all.map((one) => one.replaceAll(/(?<!SDK|\w)(\w+)/g, '`$1`').replace('`SDK`', 'SDK')).join(', or ');
}
