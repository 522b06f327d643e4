import type { TurnToPrice } from 'code-execution-kit/catalog';

/** An exchange as a turn keeps it, by the clock of a run. */
export function exchange(usage: object, more: object = {}) {
  return {
    responseIndex: 0,
    id: `msg_${Math.random()}`,
    model: 'claude-opus-5-5',
    startedAt: '2026-11-20T10:00:00.000Z',
    endedAt: '2026-11-20T10:00:30.000Z',
    stopReason: 'end_turn',
    usage: { input_tokens: 0, output_tokens: 0, ...usage },
    container: null,
    inputTransformations: [],
    ...more,
  };
}

/** An execution that took so many seconds; `null` where nobody watched. */
export const execution = (id: string, seconds: number | null) => ({
  id,
  startedAt: seconds === null ? null : '2026-11-20T10:00:00.000Z',
  endedAt: seconds === null ? null : new Date(Date.UTC(2026, 10, 20, 10, 0, seconds)).toISOString(),
});

export const turnOf = (
  exchanges: readonly object[],
  executions: readonly object[] = [],
  messages: readonly object[] = [],
) => ({ exchanges, executions, messages }) as unknown as TurnToPrice;

export const container = (id: string) => ({
  container: { id, expiresAt: '2026-11-20T11:00:00Z', skills: [] },
});
