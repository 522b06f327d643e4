import type Anthropic from '@anthropic-ai/sdk';
import { assertInput, InvalidInputError, quoted, reasonOf, typed } from '../errors.ts';
import { type CodeExecutionVersion, codeExecutionTool } from '../request/tools.ts';
import { assertModelsClient, type ModelsClient } from '../sdk/client.ts';
import { factsOf } from '../sdk/failures.ts';
import { unredirected } from '../sdk/redirects.ts';
import { type Fields, fieldsOf, textOf, timeOf } from './foreign.ts';
import { cloudOf, modelName } from './model-id.ts';
import { MODELS, type ModelFacts, NEWEST_USED, WITHOUT_STATE } from './tool-table.ts';

/** Options of {@link toolFor}, all optional. */
export interface ToolForOptions {
  /** The version that you mean to use. Default the one that fits the model. */
  readonly version?: CodeExecutionVersion | undefined;
  /** The clock of the dates on which models end. Default the system's. */
  readonly now?: (() => Date) | undefined;
  /** The SDK's `RequestOptions` of the request to the Models endpoint, such as `signal`. */
  readonly request?: Anthropic.RequestOptions | undefined;
}

/** Something to know of a model. */
export interface ModelNotice {
  readonly code:
    | 'model-unknown'
    | 'version-unverified'
    | 'model-deprecated'
    | 'model-ends'
    | 'models-unavailable'
    | 'other-cloud'
    | (string & {});
  readonly message: string;
}

/** The tool for a model, and how far that is known. */
export interface ToolChoice {
  /** To put into `tools`. */
  readonly tool: ReturnType<typeof codeExecutionTool<CodeExecutionVersion>>;
  /** Who said that the model runs code: the API, or the table of this package alone. */
  readonly source: 'api' | 'table';
  /** When: an ISO time of the API's answer, or an ISO date of the table. */
  readonly asOf: string;
  /** Where the table read which version fits; `null` where it does not know the model. */
  readonly reference: string | null;
  readonly notices: readonly ModelNotice[];
}

/** A model that ends earlier than that from now gives a notice. */
const SOON_MS = 90 * 24 * 3_600_000;

/**
 * The code execution tool for a model. With a client the Models endpoint is asked whether the model runs
 * code, once; with `null` the dated table of this package answers alone. The version always comes from the
 * table, since the API does not name versions. Where the endpoint cannot be reached, or does not say, the
 * table answers with a notice.
 *
 * @throws {InvalidInputError} for a model that does not run code or has ended, for a version that it is
 * known not to take, and for something that is no client. Errors of the SDK pass: a key that is refused, an
 * abort, and a model that neither the API nor the table knows.
 *
 * @example
 * ```ts
 * const { tool, notices } = await toolFor(client, 'claude-opus-5-5');
 * for (const { message } of notices) console.warn(message);
 * await runTurn(client, { ...params, tools: [tool] });
 * ```
 */
export function toolFor(
  client: ModelsClient | null,
  model: string,
  options: ToolForOptions = {},
): Promise<ToolChoice> {
  return typed('toolFor', async () => {
    assertInput(
      typeof model === 'string' && model !== '',
      'The second argument must be the id of a model',
      model,
    );
    assertOptions(options);
    const { version, now = () => new Date(), request = {} } = options;
    if (client !== null) assertModelsClient(client, 'toolFor');
    const notices: ModelNotice[] = [];
    const answer = client && (await ask(client, model, request, notices));
    const facts = factsFor(model) ?? factsFor(textOf(answer?.['id']) ?? '');
    const time = timeBy(now);
    const supports = answer ? supportsCode(answer) : undefined;
    if (supports === false) throw refused(model, 'the Models endpoint says that it does not run code');
    if (answer && supports === undefined) {
      const message = `The Models endpoint does not say whether ${quoted(model)} runs code: the table answers.`;
      notices.push({ code: 'models-unavailable', message });
    }
    notices.push(...lifeNotices(model, facts, answer, time));
    const cloud = cloudOf(model);
    if (cloud)
      notices.push({
        code: 'other-cloud',
        message: `${quoted(model)} is an id of ${cloud}, which has no code execution tool.`,
      });
    const chosen =
      version ?? facts?.version ?? (callsFromCode(answer) === false ? WITHOUT_STATE : NEWEST_USED);
    notices.push(...versionNotices(model, facts, chosen));
    const asked = answer && supports !== undefined;
    return {
      tool: codeExecutionTool({ version: chosen }),
      source: asked ? ('api' as const) : ('table' as const),
      asOf: asked ? new Date(time).toISOString() : (facts?.asOf ?? TABLE_AS_OF),
      reference: facts?.source ?? null,
      notices,
    };
  });
}

/** Of an unknown model the table says that it does not know it: as of its newest row. */
const TABLE_AS_OF = MODELS.reduce((latest, { asOf }) => (asOf > latest ? asOf : latest), '');

const factsFor = (model: string): ModelFacts | undefined => {
  const name = modelName(model);
  return MODELS.find((one) => one.model === name);
};

/** What the endpoint says; `null`, with a notice, where it cannot be asked now. */
async function ask(
  client: ModelsClient,
  model: string,
  request: Anthropic.RequestOptions,
  notices: ModelNotice[],
): Promise<Fields | null> {
  try {
    const send = (options: Anthropic.RequestOptions) => client.models.retrieve(model, {}, options);
    return fieldsOf(await unredirected(client, request, send));
  } catch (error) {
    if (!isOutOfReach(error, model) || request.signal?.aborted) throw error;
    const message = `The Models endpoint could not be asked about ${quoted(model)} (${reasonOf(error)}): the table answers.`;
    notices.push({ code: 'models-unavailable', message });
    return null;
  }
}

/**
 * No connection, a server in trouble, or a gateway without that endpoint: only where the table knows the
 * model.
 */
function isOutOfReach(error: unknown, model: string): boolean {
  const { status } = factsOf(error);
  if (status === undefined) return false;
  if (status === 404 || status === 405 || status === 501) return factsFor(model) !== undefined;
  return status === null || status === 408 || status === 409 || status === 429 || status >= 500;
}

/** `undefined` where the answer does not say: gateways and older deployments. */
function supportsCode(answer: Fields): boolean | undefined {
  const { server_tools: tools } = fieldsOf(answer['capabilities']);
  return flagOf(fieldsOf(tools)['code_execution']);
}

/** Whether running code can call other tools; the API names that `code_execution`, beside the tool itself. */
const callsFromCode = (answer: Fields | null) => flagOf(fieldsOf(answer?.['capabilities'])['code_execution']);

function flagOf(capability: unknown): boolean | undefined {
  const { supported } = fieldsOf(capability);
  return typeof supported === 'boolean' ? supported : undefined;
}

/** @throws {InvalidInputError} for a model that has ended. What the API says of it goes before the table. */
function lifeNotices(
  model: string,
  facts: ModelFacts | undefined,
  answer: Fields | null,
  now: number,
): ModelNotice[] {
  const lifecycle = textOf(answer?.['lifecycle']);
  const endsOn = lifecycle === null ? (facts?.endsOn ?? null) : textOf(answer?.['retires_at']);
  const end = timeOf(endsOn);
  if (lifecycle === 'retired') throw refused(model, 'the API lists it as retired');
  if (lifecycle === null && end !== null && end <= now)
    throw refused(model, `it ended on ${endsOn} (${facts?.source})`);
  const notices: ModelNotice[] = [];
  if (lifecycle === 'deprecated' || (lifecycle === null && end !== null)) {
    const until = endsOn === null ? '' : ` It ends on ${endsOn.slice(0, 10)}.`;
    notices.push({
      code: 'model-deprecated',
      message: `${quoted(model)} is deprecated.${until} Move to a newer model.`,
    });
  }
  if (end !== null && end - now < SOON_MS) {
    const days = Math.max(0, Math.ceil((end - now) / (24 * 3_600_000)));
    notices.push({
      code: 'model-ends',
      message: `${quoted(model)} ends in ${days} days, on ${endsOn?.slice(0, 10)}.`,
    });
  }
  return notices;
}

/** @throws {InvalidInputError} for a version that the model is known not to take. */
function versionNotices(
  model: string,
  facts: ModelFacts | undefined,
  version: CodeExecutionVersion,
): ModelNotice[] {
  if (!facts) {
    const message = `The table does not know ${quoted(model)}: ${version} is a guess that a first request will prove.`;
    return [{ code: 'model-unknown', message }];
  }
  if (facts.documented.includes(version)) return [];
  const { documented, source } = facts;
  if (documented.length === 1) {
    throw new InvalidInputError(
      `${quoted(model)} does not take ${version}, but ${documented[0]} alone (${source}). Leave version out.`,
    );
  }
  const message = `That ${quoted(model)} takes ${version} is in no documentation that was read (as of ${facts.asOf}).`;
  return [{ code: 'version-unverified', message }];
}

function refused(model: string, why: string): InvalidInputError {
  const newer = MODELS.filter(({ documented, endsOn }) => documented.length > 1 && !endsOn).slice(0, 4);
  const names = newer.map((one) => one.model).join(', ');
  return new InvalidInputError(
    `${quoted(model)} cannot run code: ${why}. Use another model, such as ${names}.`,
  );
}

function timeBy(now: () => Date): number {
  const date: unknown = now();
  const isDate = date instanceof Date && !Number.isNaN(date.getTime());
  assertInput(isDate, 'options.now must be a function that gives a Date', date);
  return (date as Date).getTime();
}

function assertOptions(options: unknown): asserts options is ToolForOptions {
  const isObject = typeof options === 'object' && options !== null;
  assertInput(isObject, 'options must be an object', options);
  const { now, request } = options as ToolForOptions;
  assertInput(
    now === undefined || typeof now === 'function',
    'options.now must be a function that gives a Date',
    now,
  );
  const isRequest = request === undefined || (typeof request === 'object' && request !== null);
  assertInput(isRequest, "options.request must be the SDK's RequestOptions", request);
}
