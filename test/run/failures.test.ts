import {
  initialTurnState,
  isTurnInterruptedError,
  reduceTurn,
  resumeTurn,
  runTurn,
  type TurnEvent,
} from 'code-execution-kit';
import {
  bash,
  cannedSandbox,
  cutAfter,
  delay,
  httpError,
  pause,
  python,
  say,
} from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { params, thrownBy, timeless, viaJson, world } from '../support/world.ts';

const sandbox = cannedSandbox(({ source }) => ({ stdout: source, files: { [`${source}.txt`]: source } }));
const script = [say('First.'), python('one'), pause(), bash('two'), say('Done.')];

describe('the request after a pause fails', () => {
  it.each([
    [400, false, false],
    [401, false, false],
    [403, false, false],
    [404, false, false],
    [408, true, true],
    [409, true, true],
    [413, false, false],
    [422, false, false],
    [429, false, true],
    [500, true, true],
    [502, true, true],
    [503, false, true],
    [504, true, true],
    [529, false, true],
  ])('with %i: its code may have run: %s, and it may pass: %s', async (status, mayRerun, retryable) => {
    const fault = httpError(status, { headers: { 'retry-after': '0' } });
    const { client, posts } = world(script, { sandbox, faults: [delay(0), fault] });
    const error = await thrownBy(runTurn(client, params, { retries: 0 }));
    expect(isTurnInterruptedError(error) && error.code).toBe('request_failed');
    expect([error.checkpoint.mayRerun, error.retryable]).toEqual([mayRerun, retryable]);
    expect(posts()).toBe(2);
    // Where code may have run, going on needs a word; where none did, it does not.
    const again = resumeTurn(client, viaJson(error.checkpoint), {}).turn();
    if (mayRerun) await expect(again).rejects.toThrow(/rerun: true/);
    else await expect(again).resolves.toMatchObject({ outcome: 'completed' });
  });
});

describe('a response that is asked for again after a resume', () => {
  it.each([1, 4, 9, 14])(
    'is announced, so that a follower of both processes folds the same turn: cut after %i events',
    async (events) => {
      const { client } = world(script, { sandbox, faults: [delay(0), cutAfter(events)] });
      const followed: TurnEvent[] = [];
      const onEvent = (event: TurnEvent) => void followed.push(viaJson(event));
      const error = await thrownBy(runTurn(client, params, { onEvent }));
      const first = followed.length;
      const turn = await resumeTurn(client, viaJson(error.checkpoint), { rerun: true, onEvent }).turn();
      expect(followed[first]).toMatchObject({ type: 'response-repeat', responseIndex: 1 });
      const { responses: _, messages: __, parsed: ___, ...state } = turn;
      const folded = followed.reduce(reduceTurn, initialTurnState());
      expect(timeless(folded)).toEqual(timeless(state));
      expect(turn.executions.map(({ stdout }) => stdout)).toEqual(['one', 'two']);
      expect(turn.artifacts).toHaveLength(2);
      expect(turn.answer).toBe('Done.');
    },
  );
});

describe('maxTurnEvents', () => {
  it.each([1, 5, 12, 20])(
    'ends a turn after %i events, with everything received, and can be raised',
    async (most) => {
      const { client, posts } = world(script, { sandbox });
      const heard: TurnEvent[] = [];
      const onEvent = (event: TurnEvent) => void heard.push(event);
      const error = await thrownBy(runTurn(client, params, { maxTurnEvents: most, onEvent }));
      expect(error).toMatchObject({ code: 'too_large', message: expect.stringContaining('maxTurnEvents') });
      expect(error.message).toContain(`more than ${most} events`);
      // Open calls are reported once more at the end, and the error itself.
      const ofResponses = heard.filter(({ type }) => type !== 'pause' && type !== 'turn-error');
      expect(ofResponses.length).toBeGreaterThanOrEqual(most);
      expect(heard.at(-1)?.type).toBe('turn-error');
      expect(error.state).toEqual(heard.reduce(reduceTurn, initialTurnState()));
      const sent = posts();
      const turn = await resumeTurn(client, viaJson(error.checkpoint), { rerun: true }).turn();
      expect(turn).toMatchObject({ outcome: 'completed', answer: 'Done.' });
      expect(posts()).toBeGreaterThan(sent);
    },
  );

  it('counts over the processes that a turn runs in', async () => {
    const { client } = world(script, { sandbox });
    const paused = await runTurn(client, params, { stopWhen: () => true });
    const most = paused.seq + 5;
    const error = await thrownBy(
      resumeTurn(client, paused.checkpoint as never, { maxTurnEvents: most }).turn(),
    );
    expect(error.message).toContain(`more than ${most} events`);
  });
});

describe('an event that a listener holds', () => {
  it('is not changed afterwards, also when the listener fails', async () => {
    const { client } = world(script, { sandbox });
    const held: TurnEvent[] = [];
    const copies: TurnEvent[] = [];
    let calls = 0;
    await runTurn(client, params, {
      onEvent: (event) => {
        held.push(event);
        copies.push(structuredClone(event));
        if (++calls === 7) throw new Error('no');
      },
    });
    expect(held).toHaveLength(7);
    expect(held).toEqual(copies);
  });
});
