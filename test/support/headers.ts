/** What every request to the API carries, for tests that send one by hand. */
export const API_HEADERS = {
  'x-api-key': 'none',
  'anthropic-version': '2023-06-01',
  'content-type': 'application/json',
} as const;
