import type { ProcessRow, Row } from '../row.ts';
import { aborts } from './aborts.ts';
import { containers } from './containers.ts';
import { pauses } from './pauses.ts';
import { processes } from './processes.ts';
import { refused } from './refused.ts';
import { streams } from './streams.ts';
import { tools } from './tools.ts';

/** The fault table. */
export const GROUPS: readonly { readonly title: string; readonly rows: readonly (Row | ProcessRow)[] }[] = [
  { title: 'Requests that are refused', rows: refused },
  { title: 'Streams that break', rows: streams },
  { title: 'Tools, and their handlers', rows: tools },
  { title: 'Containers and files', rows: containers },
  { title: 'Pauses, limits and clocks', rows: pauses },
  { title: 'Aborts, and what the caller throws', rows: aborts },
  { title: 'Processes that are killed', rows: processes },
];
