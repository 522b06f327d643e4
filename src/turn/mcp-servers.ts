import type { BetaRequestMCPServerURLDefinition } from '@anthropic-ai/sdk/resources/beta/messages';
import { InvalidInputError } from '../errors.ts';

/** An entry of `mcp_servers`, a param of the beta endpoint. */
export type McpServer = BetaRequestMCPServerURLDefinition;
/** The types of params are those of the stable endpoint. */
type Params = { readonly mcp_servers?: readonly McpServer[] };

/** The params without the tokens of MCP servers, and the names of those that had one. */
export function withoutTokens<P extends object>(params: P): { readonly params: P; readonly named: string[] } {
  const { mcp_servers: servers } = params as Params;
  if (!Array.isArray(servers)) return { params, named: [] };
  const named = servers.flatMap((one) => (one?.authorization_token ? [one.name] : []));
  const bare = servers.map(({ authorization_token: _, ...rest }) => rest);
  return { params: named.length > 0 ? { ...params, mcp_servers: bare } : params, named };
}

/**
 * The params with these servers in the place of those that a checkpoint holds without their tokens.
 *
 * @throws {InvalidInputError} naming the server that is missing, differs, or has no token where it had one.
 */
export function withServers<P extends object>(params: P, named: readonly string[], given: unknown): P {
  if (given === undefined && named.length === 0) return params;
  const { mcp_servers: stored = [] } = params as Params;
  const list: readonly McpServer[] = Array.isArray(given) ? given : [];
  const missing = stored.find(({ name, url }) => {
    const same = list.find((one) => one?.name === name && one.url === url);
    return !same || (named.includes(name) && !same.authorization_token);
  });
  if (!missing && list.length === stored.length) return { ...params, mcp_servers: list };
  // Neither tokens nor URLs are shown: both may hold keys.
  throw new InvalidInputError(
    `The MCP server ${given === undefined ? named[0] : (missing ?? list.at(-1))?.name} is not given as it was sent. Pass mcpServers: the list with the same ` +
      'names and URLs, and each authorization_token, which no checkpoint holds.',
  );
}
