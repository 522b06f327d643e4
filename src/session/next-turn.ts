import type { ContainerParams, ContentBlockParam, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { assertInput, InvalidInputError } from '../errors.ts';
import { Container, toContainerParam } from '../request/container.ts';
import { containerUploads, type FileReference } from '../request/content.ts';
import type { TurnOutputConfig } from '../request/output-format.ts';
import type { TurnParams } from '../request/params.ts';
import { uploadsIn, withUploads } from '../request/uploads.ts';
import { isBlock, isRecord, toolUsesIn } from '../wire/blocks.ts';
import type { ContainerData } from '../wire/container.ts';
import type { SessionSnapshot } from './snapshot.ts';

/** The params that every turn of a session is sent with: those of a turn without `messages`. */
export type SessionDefaults<Parsed = unknown> = Omit<TurnParams, 'messages' | 'output_config'> & {
  readonly output_config?: TurnOutputConfig<Parsed>;
  readonly messages?: never;
};

/**
 * The params of the next turn: the conversation with one more user message, in the
 * session's container. In a fresh one, which the API makes when there is none or it
 * has expired, the uploads of the whole conversation are repeated in that message.
 */
export function nextTurn(
  { messages, container }: SessionSnapshot,
  defaults: SessionDefaults,
  { content, now }: { readonly content: readonly ContentBlockParam[]; readonly now: Date },
): TurnParams {
  const all: MessageParam[] = [...messages, { role: 'user', content: [...content] }];
  const usable = container && !new Container(container).isExpired(now) ? container : null;
  const { container: asked, ...params } = defaults;
  const param = containerFor(usable, skillsOf(asked));
  return {
    ...params,
    messages: usable ? all : withUploads(all, uploadsIn(all)),
    ...(param === undefined ? {} : { container: param }),
  };
}

/**
 * The blocks of a user message.
 *
 * @throws {InvalidInputError} for an empty text, for what are no blocks, and for files without an id.
 */
export function contentOf(input: unknown, files?: readonly FileReference[]): ContentBlockParam[] {
  const blocks = typeof input === 'string' && input !== '' ? [{ type: 'text', text: input }] : input;
  const areBlocks = Array.isArray(blocks) && blocks.length > 0 && blocks.every(isBlock);
  assertInput(areBlocks, 'run and stream take a text or a list of content blocks, not empty', input);
  return [...(blocks as unknown as ContentBlockParam[]), ...containerUploads(files)];
}

/** With the caller's own list of skills: the resolved one would break the prompt cache. */
function containerFor(
  container: ContainerData | null,
  skills: ContainerParams['skills'],
): TurnParams['container'] {
  if (!skills?.length) return container ?? undefined;
  return container ? { id: container.id, skills } : { skills };
}

function skillsOf(container: SessionDefaults['container']): ContainerParams['skills'] {
  const param = toContainerParam(container);
  return isRecord(param) ? (param as ContainerParams).skills : undefined;
}

/** @throws {InvalidInputError} while a turn is unfinished. */
export function assertNothingUnfinished({ unfinished }: SessionSnapshot): void {
  if (!unfinished) return;
  const { phase, responses, mayRerun } = unfinished;
  const calls = phase === 'awaiting-tools' ? toolUsesIn(responses.at(-1)?.content ?? []) : [];
  const waiting = calls.map(({ name, id }) => `${name} (${id})`).join(', ');
  const cure = mayRerun
    ? 'session.resume({ rerun: true }), which may run code a second time'
    : 'session.resume()';
  throw new InvalidInputError(
    `The last turn of this session is not finished${waiting ? `: it waits for ${waiting}` : ''}. ` +
      `Go on with ${cure}, or go back to before it with session.discard().`,
  );
}
