import type { CostLines } from './cost-lines.ts';
import { between, type PricedTurn } from './cost-source.ts';
import type { PriceTable } from './prices.ts';

/** Options of an estimate that are about containers. */
export interface ContainerPricing {
  readonly table: PriceTable;
  readonly webTools: boolean | undefined;
  readonly files: boolean | undefined;
  readonly freeHours: number | undefined;
}

const HOUR = 3_600_000;

const NO_FILES =
  'No code ran, and whether files were attached is not in a state: none is billed. Pass files.';
const FILES_ALONE = 'No code ran, but files were attached: their container is billed.';
const NOT_USED =
  'No code ran: a container that was named, and files of earlier messages, are in the high figure alone.';
const FREE =
  'Container time is free: web_search_20260209, web_fetch_20260209 or a later one is among the tools.';
const MAYBE_FREE =
  'A web tool was used. If it is of 20260209 or later, container time is free (low): pass webTools.';
const NOT_FREE =
  'A turn does not hold its tools, and used no web tool: its container is billed. Pass webTools.';

/**
 * Container time, from five minutes on. Whether the least time counts for a container or for each execution,
 * and what of a request counts, is not documented. The low figure takes each container with the time that
 * its executions took; the high one each execution, or all the time of the requests where that is more.
 */
export class ContainerTime {
  readonly #lines: CostLines;
  readonly #pricing: ContainerPricing;
  readonly #least: number;
  /** Time of executions by container. */
  readonly #low = new Map<string, number>();
  #high = 0;
  #turns = 0;
  #executions = 0;

  constructor(lines: CostLines, pricing: ContainerPricing) {
    this.#lines = lines;
    this.#pricing = pricing;
    this.#least = pricing.table.container.minimumMinutes * 60_000;
  }

  add(turn: PricedTurn): void {
    const { executions, exchanges } = turn;
    const { files: given } = this.#pricing;
    const files = given === undefined ? turn.files : given ? 'yes' : 'no';
    const isUsed = executions.length > 0 || files === 'yes';
    const named = [...new Set(exchanges.flatMap(({ containerId }) => containerId ?? []))];
    if (!isUsed && files !== 'maybe' && named.length === 0) {
      if (files === 'unseen') this.#lines.note('assumption', 'turn', NO_FILES);
      return;
    }
    const free = this.#isFree(turn);
    if (free === 'yes') return;
    this.#turns += 1;
    this.#executions += executions.length;
    if (executions.length === 0) this.#lines.note('assumption', 'turn', isUsed ? FILES_ALONE : NOT_USED);
    if (isUsed && free === 'no') this.#addLow(named.length > 0 ? named : [`turn ${this.#turns}`], executions);
    this.#addHigh(turn);
  }

  finish(): void {
    const { table, freeHours } = this.#pricing;
    let low = [...this.#low.values()].reduce((sum, time) => sum + Math.max(this.#least, time), 0) / HOUR;
    let high = Math.max(low, this.#high / HOUR);
    if (high === 0) return;
    const { usdPerHour, minimumMinutes, freeHoursPerMonth } = table.container;
    if (freeHours === undefined) {
      const all = freeHoursPerMonth.toLocaleString('en');
      const note = `Free hours are not taken off (${all} per organization and month): pass freeHours.`;
      this.#lines.note('assumption', 'turn', note, this.#turns);
    } else {
      low = Math.max(0, low - freeHours);
      high = Math.max(0, high - freeHours);
    }
    const { source, asOf } = table;
    const off = freeHours === undefined ? '' : `, without ${freeHours} free hours`;
    const note =
      `${this.#executions} executions in ${this.#low.size} containers${off}: at least ${minimumMinutes} minutes for each ` +
      'container (low), or for each execution and never less than the requests took (high).';
    this.#lines.add({
      what: 'container',
      unit: 'hour',
      low,
      high,
      usdPerUnit: usdPerHour,
      note,
      source,
      asOf,
    });
  }

  #isFree(turn: PricedTurn): 'yes' | 'maybe' | 'no' {
    const { webTools: given } = this.#pricing;
    const free = given === undefined ? turn.webTools : given ? 'yes' : 'no';
    if (free === 'no') return free;
    this.#lines.note('assumption', 'turn', { yes: FREE, maybe: MAYBE_FREE, unseen: NOT_FREE }[free]);
    return free === 'unseen' ? 'no' : free;
  }

  #addLow(containers: readonly string[], executions: PricedTurn['executions']): void {
    const time = executions.reduce<number>((sum, one) => sum + (one ?? 0), 0);
    for (const [index, id] of containers.entries()) {
      // Of several containers of a turn the last is the one that was not lost.
      const own = index === containers.length - 1 ? time : 0;
      this.#low.set(id, (this.#low.get(id) ?? 0) + own);
    }
  }

  #addHigh({ executions, exchanges }: PricedTurn): void {
    const billed = (time: number | null) => Math.max(this.#least, time ?? 0);
    const times = exchanges.map(({ startedAt, endedAt }) => between(startedAt, endedAt));
    // Without an execution each request preloads its files.
    const uses = executions.length > 0 ? executions : times;
    const byUse = uses.reduce<number>((sum, time) => sum + billed(time), 0);
    const byRequest = times.reduce<number>((sum, time) => sum + (time ?? 0), 0);
    this.#high += Math.max(byUse, byRequest);
    const unseen = times.filter((time) => time === null).length;
    const note =
      'How long the request took was not seen: the least time is taken, and it may have been more.';
    this.#lines.note('assumption', 'exchange', note, unseen);
  }
}
