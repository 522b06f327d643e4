import Anthropic from '@anthropic-ai/sdk';
import {
  type Checkpoint,
  codeExecutionTool,
  initialTurnState,
  isCodeExecutionError,
  isContainerLostError,
  isInvalidInputError,
  isTurnInterruptedError,
  isTurnLimitError,
  type ResumeOptions,
  reduceTurn,
  resumeTurn,
  streamTurn,
  type TurnEvent,
  type TurnOptions,
  type TurnParams,
  type TurnState,
  type TurnStream,
  userMessage,
} from 'code-execution-kit';
import { createEmulator } from 'code-execution-kit/emulator';
import { expect } from 'vitest';
import { boundaryOf } from '../../src/turn/checkpoint.ts';
import { deepFreeze } from '../support/freeze.ts';
import { assertNothingLost, assertPlain } from './kept.ts';
import { answeredWith, fetchMocked } from './msw.ts';
import type { Result, Scene, ThrownResult, World } from './row.ts';
import { Tap } from './tap.ts';
import { TIME } from './worlds.ts';

/** What is run when a row says nothing else. */
const BASE: TurnParams = deepFreeze({
  model: 'claude-opus-5-5',
  max_tokens: 1000,
  messages: [userMessage('Go.')],
});

/** A client of the SDK, with its defaults, in a world. */
async function enter({
  faults = [],
  answers,
  between,
  tools = [],
  params,
  options,
  before,
  ...world
}: World) {
  const emulator = createEmulator({ now: () => TIME, ...world });
  const tap = new Tap();
  const fetch = answers ? fetchMocked : emulator.fetch;
  const client = new Anthropic({
    apiKey: 'none',
    fetch: tap.wrap(between ? between(fetch) : fetch),
    ...(answers ? { baseURL: answeredWith(answers) } : {}),
  });
  const scene = { emulator, tap, client, tools, base: { ...BASE, ...params }, options };
  const plain = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });
  const prepared = before ? await before({ emulator, client: plain, params: scene.base }) : {};
  emulator.inject(...faults);
  return { ...scene, params: deepFreeze({ ...scene.base, ...prepared }) };
}

/** A scene of the library. Whatever is run in it is checked when it settles. */
export async function enterScene(world: World): Promise<Scene> {
  const { emulator, tap, client, params, tools, options } = await enter(world);
  let current: TurnStream | undefined;
  /** What was handed out, with what it was then: nobody changes it later. */
  const handedOut: [value: object, text: string][] = [];
  /** The events of the turn, over all streams that went on with it. */
  const followed: TurnEvent[] = [];
  const remember = (value: object) => void handedOut.push([value, JSON.stringify(value)]);
  /** The options with an `onCheckpoint` that remembers. */
  const watched = <T extends TurnOptions>(given: T): T => {
    const onCheckpoint: TurnOptions['onCheckpoint'] = (checkpoint) => {
      remember(checkpoint);
      return given.onCheckpoint?.(checkpoint);
    };
    return Object.freeze({ now: () => TIME, ...given, onCheckpoint });
  };
  async function checked(
    stream: TurnStream,
    take = Number.POSITIVE_INFINITY,
    from?: TurnState,
  ): Promise<Result> {
    current = stream;
    const sent = tap.exchanges.length;
    const result = stream.turn().catch((error): Result => error);
    const events: TurnEvent[] = [];
    if (!from) followed.length = 0;
    try {
      for await (const event of stream) {
        events.push(event);
        remember(event);
        if (events.length > take) break;
      }
    } catch (error) {
      expect(error).toBe(await result);
    }
    const settled = await result;
    assertNothingLost(settled, tap.exchanges.slice(sent));
    for (const [value, text] of handedOut) expect(JSON.stringify(value)).toBe(text);
    followed.push(...events);
    if (take === Number.POSITIVE_INFINITY && !isInvalidInputError(settled)) {
      // A reader who followed all processes has the same turn as the last of them.
      const { seq: _, ...state } = [...followed].reduce(reduceTurn, initialTurnState());
      expect({ ...state, seq: stream.state.seq }).toEqual(stream.state);
    }
    if (take === Number.POSITIVE_INFINITY)
      assertPlain(settled, events, {
        from: isInvalidInputError(settled) ? undefined : from,
        state: stream.state,
      });
    return settled;
  }
  const own = tools.length > 0 ? { tools: deepFreeze([...tools]) } : {};
  const start = (more: TurnOptions = {}, change: Partial<TurnParams> = {}) =>
    streamTurn(
      client,
      deepFreeze({ ...params, ...own, ...change }),
      watched({ ...options, ...more }),
    ) as TurnStream;
  return {
    emulator,
    tap,
    params,
    tools,
    stream: () => current as TurnStream,
    run: (more, change) => checked(start(more, change)),
    resume(checkpoint, more: ResumeOptions = {}) {
      const stored: Checkpoint = deepFreeze(JSON.parse(JSON.stringify(checkpoint)));
      const given = watched({ ...own, ...options, ...more });
      return checked(resumeTurn(client, stored, given) as TurnStream, undefined, boundaryOf(stored).state);
    },
    leaveAfter: (events) => checked(start(), events),
  };
}

/** Lets the SDK's own loop have the same turn, with all its defaults, and counts what it sends. */
export async function postsOfSdk(world: World): Promise<number> {
  const { tap, client, params, tools, options } = await enter(world);
  const { container, tools: _, output_config: _format, ...rest } = params;
  const id = typeof container === 'string' ? container : (container as { id?: string } | undefined)?.id;
  try {
    const runner = client.beta.messages.toolRunner(
      {
        ...JSON.parse(JSON.stringify(rest)),
        ...(id ? { container: id } : {}),
        stream: true,
        tools: [...(tools as never[]), codeExecutionTool()],
      },
      { ...options?.request },
    );
    for await (const stream of runner as AsyncIterable<{ finalMessage(): Promise<unknown> }>)
      await stream.finalMessage();
  } catch {
    // How it ends is not the question.
  }
  return tap.posts;
}

/** What a result is, as the table names it. An error is asked by its guard. */
export function outcomeOf(result: Result): string {
  if (!(result instanceof Error)) return result.outcome;
  const { code, limit, status } = result as ThrownResult;
  if (isTurnInterruptedError(result)) return `TurnInterruptedError ${code}`;
  if (isTurnLimitError(result)) return `TurnLimitError ${limit}`;
  if (isContainerLostError(result)) return `ContainerLostError ${code}`;
  if (isInvalidInputError(result)) return `InvalidInputError ${code}`;
  if (isCodeExecutionError(result)) return `${result.name} ${code}`;
  expect(result).toBeInstanceOf(Anthropic.APIError);
  return `SDK ${result.constructor.name}${status ? ` ${status}` : ''}`;
}
