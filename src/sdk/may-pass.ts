import { isRecord } from '../wire/blocks.ts';

/**
 * Whether a failed request may pass when it is sent again, as the SDK sees it: as `x-should-retry` says, else 408, 409, 429, 5xx and a
 * lost connection. Nothing is said of what the first one did.
 */
export function mayPass(error: unknown): boolean {
  // The SDK's errors of a connection have a status, which is undefined.
  if (!isRecord(error) || !('status' in error)) return false;
  const { status, headers } = error;
  const advice = headers instanceof Headers ? headers.get('x-should-retry') : null;
  if (advice !== null) return advice === 'true';
  if (status === undefined) return true;
  return typeof status === 'number' && (status === 408 || status === 409 || status === 429 || status >= 500);
}
