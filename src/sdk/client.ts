import type { DeletedFile, FileMetadata } from '@anthropic-ai/sdk/resources/files';
import { assertInput, InvalidInputError } from '../errors.ts';

/**
 * One request to the Messages API, as the SDK's `create` returns it. A client that is wrapped by
 * an instrumentation may give a plain promise of the SDK's stream instead.
 */
export interface MessagesClient {
  readonly messages: {
    // biome-ignore-start lint/suspicious/noExplicitAny: the SDK's overloads fit open params only.
    create(
      params: any,
      options?: any,
    ): { asResponse(): Promise<Response> } | PromiseLike<AsyncIterable<unknown>>;
    // biome-ignore-end lint/suspicious/noExplicitAny: see above
  };
}

/**
 * The Files API as the SDK offers it. `client` and `client.beta` of the SDK fit, so do clones made with
 * `withOptions()` and the Foundry and AWS clients.
 */
export interface FilesClient {
  readonly files: {
    // biome-ignore-start lint/suspicious/noExplicitAny: generated signatures fit open ones only.
    list(params?: any, options?: any): AsyncIterable<FileMetadata>;
    upload(params: any, options?: any): PromiseLike<FileMetadata>;
    retrieveMetadata(id: string, params?: any, options?: any): PromiseLike<FileMetadata>;
    download(id: string, params?: any, options?: any): PromiseLike<Response>;
    delete(id: string, params?: any, options?: any): PromiseLike<DeletedFile>;
    // biome-ignore-end lint/suspicious/noExplicitAny: see above
  };
}

/** The Models API as the SDK offers it. */
export interface ModelsClient {
  readonly models: {
    // biome-ignore lint/suspicious/noExplicitAny: generated signatures fit open ones only.
    retrieve(id: string, params?: any, options?: any): PromiseLike<object>;
  };
}

/** Clients of clouds that offer Claude but not its code execution tool (documented, Aug 2026). */
const WITHOUT_CODE_EXECUTION = /^Anthropic(Bedrock|Vertex$)/;

/**
 * Checks that a client can run turns.
 *
 * @throws {InvalidInputError} for something that is no client, and for Bedrock and Vertex clients.
 */
export function assertMessagesClient(client: unknown): asserts client is MessagesClient {
  const messages = property(client, 'messages');
  const rule = 'The first argument must be a client of @anthropic-ai/sdk (`new Anthropic()`)';
  assertInput(typeof property(messages, 'create') === 'function', rule, client);
  assertRunsCode(ownerOf(client) ?? ownerOf(messages));
}

/**
 * Checks that a client can be asked about models.
 *
 * @throws {InvalidInputError} naming the function that needs it, and for Bedrock and Vertex clients.
 */
export function assertModelsClient(client: unknown, caller: string): asserts client is ModelsClient {
  assertRunsCode(ownerOf(client));
  const hasModels = typeof property(property(client, 'models'), 'retrieve') === 'function';
  const rule = `${caller} needs a client with the Models API (\`client.models\`), or null`;
  assertInput(hasModels, rule, client, 'With null the table of this package answers alone.');
}

function assertRunsCode(owner: object | undefined): void {
  const unsupported = owner && nameOfClientWithoutCodeExecution(owner);
  if (unsupported) {
    throw new InvalidInputError(
      `${unsupported} has no code execution tool: Claude runs code on the Claude API, the Claude Platform on AWS and ` +
        'Microsoft Foundry only. Pass `new Anthropic()`, or an AnthropicAws or AnthropicFoundry client.',
    );
  }
}

/**
 * Checks that a client has the Files API.
 *
 * @throws {InvalidInputError} naming the function that needs it.
 */
export function assertFilesClient(client: unknown, caller: string): asserts client is FilesClient {
  const cure = 'Pass `new Anthropic()`; Bedrock and Vertex clients have no files.';
  assertInput(
    hasFiles(client),
    `${caller} needs a client with the Files API (\`client.files\`)`,
    client,
    cure,
  );
}

export function hasFiles(client: unknown): client is FilesClient {
  return typeof property(property(client, 'files'), 'list') === 'function';
}

/** The client itself, or the one that a namespace such as `client.beta` belongs to. */
export function ownerOf(client: unknown): object | undefined {
  const owner = property(client, '_client') ?? client;
  return typeof property(owner, 'baseURL') === 'string' ? (owner as object) : undefined;
}

function nameOfClientWithoutCodeExecution(client: object): string | undefined {
  for (let type = Object.getPrototypeOf(client); type; type = Object.getPrototypeOf(type)) {
    const name = String(type.constructor?.name);
    if (WITHOUT_CODE_EXECUTION.test(name)) return name;
  }
  return undefined;
}

function property(value: unknown, key: string): unknown {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
