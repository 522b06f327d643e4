import { ApiFailure, invalidRequest } from '../protocol/http.ts';

/** The API's versions; the SDK has sent the second since its 1.0.0. */
const VERSIONS = ['2023-06-01', '2026-10-21'] as const;

export type ApiVersion = (typeof VERSIONS)[number];

/** What a request says outside of its body. */
export interface Terms {
  readonly version: ApiVersion;
  readonly betas: readonly string[];
  /** It is an item of a batch. */
  readonly isBatch: boolean;
}

/**
 * What every request must carry: a key, in either header and of any value, and a version.
 *
 * @throws {ApiFailure} 401 or 400.
 */
export function checkHeaders(headers: Headers): Terms {
  const key = headers.get('x-api-key') ?? /^bearer (.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
  if (key === undefined) throw new ApiFailure(401, 'authentication_error', 'x-api-key header is required');
  if (key.trim() === '') throw new ApiFailure(401, 'authentication_error', 'invalid x-api-key');
  const asked = headers.get('anthropic-version');
  if (asked === null) throw invalidRequest('anthropic-version: header is required');
  const version = VERSIONS.find((one) => one === asked);
  if (!version) throw invalidRequest(`anthropic-version: "${asked}" is not a valid version`);
  const betas = (headers.get('anthropic-beta') ?? '').split(',').map((name) => name.trim());
  return { version, betas, isBatch: false };
}
