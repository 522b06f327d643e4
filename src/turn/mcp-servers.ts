import type { BetaRequestMCPServerURLDefinition } from '@anthropic-ai/sdk/resources/beta/messages';
import { InvalidInputError } from '../errors.ts';
import { isRecord } from '../wire/blocks.ts';

/** An entry of `mcp_servers`, a param of the beta endpoint. */
export type McpServer = BetaRequestMCPServerURLDefinition;

const serversIn = (params: object): readonly unknown[] => {
  const { mcp_servers: servers } = params as { readonly mcp_servers?: unknown };
  return Array.isArray(servers) ? servers : [];
};

/** The params without the tokens of MCP servers, and the names of those that had one. */
export function withoutTokens<P extends object>(params: P): { readonly params: P; readonly named: string[] } {
  const named: string[] = [];
  const servers = serversIn(params).map((server) => {
    if (!isRecord(server) || typeof server['authorization_token'] !== 'string') return server;
    const { authorization_token: _, ...rest } = server;
    named.push(String(server['name']));
    return rest;
  });
  return { params: named.length > 0 ? { ...params, mcp_servers: servers } : params, named };
}

/**
 * The params with these servers in the place of those that a checkpoint holds without their tokens.
 *
 * @throws {InvalidInputError} naming the server that is missing, differs, or has no token where it had one.
 */
export function withServers<P extends object>(
  params: P,
  named: readonly string[],
  given: readonly McpServer[] | undefined,
): P {
  const cure =
    'Pass mcpServers: the list that was sent at first, with the same names and URLs, and each authorization_token';
  // Not quoted: it may hold tokens.
  if (given !== undefined && !(Array.isArray(given) && given.every(isRecord))) {
    throw new InvalidInputError(`mcpServers is no list of servers. ${cure}.`);
  }
  const nameOf = (server: unknown) => (isRecord(server) ? `${server['name']}\n${server['url']}` : '');
  const stored = serversIn(params).map(nameOf);
  const lacking = named.find((name) => !given?.find((one) => one.name === name)?.authorization_token);
  if (lacking !== undefined) {
    throw new InvalidInputError(
      `The MCP server ${lacking} had an authorization_token, which no checkpoint holds. ${cure}.`,
    );
  }
  if (given === undefined) return params;
  // Their URLs are not shown: they may hold keys.
  const names = given.map(nameOf);
  const other = [
    ...names.filter((one) => !stored.includes(one)),
    ...stored.filter((one) => !names.includes(one)),
  ];
  if (other.length > 0) {
    throw new InvalidInputError(
      `The MCP server ${other[0]?.split('\n', 1)[0]} is not the same in the turn and in mcpServers. ${cure}.`,
    );
  }
  return { ...params, mcp_servers: given };
}
