import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { assertInput, typed } from '../errors.ts';
import { type ContainerInput, containerData, toContainerParam } from '../request/container.ts';
import { resolveTurnOptions, type TurnOptions } from '../run/options.ts';
import { assertMessagesClient, type MessagesClient } from '../sdk/client.ts';
import { isRecord } from '../wire/blocks.ts';
import { type ContainerData, readContainer } from '../wire/container.ts';
import type { SessionDefaults } from './next-turn.ts';
import { Session, type SessionTurnOptions } from './session.ts';
import { assertSnapshotVersion, newSnapshot, type SessionSnapshot } from './snapshot.ts';
import { storedConversation } from './stored-conversation.ts';

/**
 * Options of {@link createSession}: those of its turns where they are not given others, and where to go on.
 */
export interface SessionOptions extends SessionTurnOptions {
  /**
   * What `toJSON()` of an earlier session gave, parsed. Without one, or with `null`, a new session begins.
   */
  readonly snapshot?: SessionSnapshot | null | undefined;
  /**
   * A stored conversation to go on with, such as the `messages` of a turn. What the API would refuse in it is
   * taken out for good, and a notice of the first turn says what.
   */
  readonly messages?: readonly MessageParam[] | undefined;
  /** The container of that conversation. Default that of the params. */
  readonly container?: ContainerInput | undefined;
}

/**
 * Begins a session, or goes on with one from its snapshot:
 * several turns in one conversation and one container.
 *
 * @param client the SDK's client, as for `runTurn`
 * @param defaults the params of every turn, without `messages`. Of `container`,
 *   the id is where a new session begins, and the skills are those of every turn
 * @throws {InvalidInputError} for input of the wrong kind, and a snapshot of another
 *   version. What is damaged inside a snapshot rejects the first turn, before any request.
 *
 * @example
 * ```ts
 * const session = createSession(client, { model, max_tokens: 32_000 }, { snapshot: await load() });
 * const onCheckpoint = () => save(session.toJSON());
 * await session.run('What is in this file?', { files: [file], onCheckpoint });
 * await save(session.toJSON());
 * ```
 */
export function createSession<Parsed = null>(
  client: MessagesClient,
  defaults: SessionDefaults<Parsed>,
  sessionOptions: SessionOptions = {},
): Session<Parsed> {
  return typed('createSession', () => {
    const { snapshot, messages, container, ...options } = sessionOptions;
    assertMessagesClient(client);
    const rule =
      'The second argument must be the params of messages.create without messages, which session.run adds';
    assertInput(isRecord(defaults) && !('messages' in defaults), rule, defaults);
    resolveTurnOptions(options as TurnOptions);
    const isNew = snapshot === undefined || snapshot === null;
    const start = { client, defaults, options };
    if (!isNew) {
      const startRule = 'messages and container begin a session, and this one has a snapshot: leave them out';
      assertInput(messages === undefined && container === undefined, startRule, messages ?? container);
      assertSnapshotVersion(snapshot);
      return new Session({ ...start, snapshot, isChecked: false, notices: [] });
    }
    const begun = newSnapshot(startContainer(container ?? defaults.container));
    const { repaired, notices } = storedConversation(messages);
    return new Session({ ...start, snapshot: { ...begun, messages: repaired }, isChecked: true, notices });
  });
}

function startContainer(container: ContainerInput | undefined): ContainerData | null {
  const param = toContainerParam(container);
  return containerData(container) ?? readContainer(typeof param === 'string' ? { id: param } : param);
}
