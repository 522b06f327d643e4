/** What stands in the place of a secret. */
export const REDACTED = 'redacted';

/** Names without their separators: `x-api-key`, `apiKey` and `API_KEY` end in `apikey`. */
const SECRET =
  /(?:^x?auth|authorization|passw(?:or)?d|passphrase|secrets?|credentials?|cookies?|jwt|bearer|(?:api|access|auth|private|secret|signing|encryption|subscription|session|master|account|function)keys?|(?:access|refresh|api|auth|bearer|session|id)tokens)$/;
/** One token is a secret, and several are a number of them; but a list is read on with some tokens. */
const TOKEN = /(?<!page|next|continuation|sync|resume|stop|start|end|special|pad)token$/;
/** Short names that only a query gives to a secret. */
const SECRET_IN_QUERY = /^(?:k|key|sig|signature|xamzsignature|xamzcredential|code)$/;
/** Parameters of the API's own lists, whose values a replay needs to tell one page from another. */
const QUERY =
  /^(?:after_id|before_id|beta|created_at|ids|lifecycle|limit|order|page|scope_id|source)(?:\[\w*\])?$/;

const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Whether a field or a header of this name holds a secret. */
export function isSecretName(name: string): boolean {
  const letters = plain(name);
  return SECRET.test(letters) || TOKEN.test(letters);
}

/** The same for a parameter of a URL. */
export const isSecretParameter = (name: string) => isSecretName(name) || SECRET_IN_QUERY.test(plain(name));

/** Whether the API reads on a list with this parameter. */
export const isListParameter = (name: string) => QUERY.test(name);

/** The path with the values of all parameters but those of lists redacted. */
export function redactedPath(path: string): string {
  const [base = '', query] = path.split('?', 2);
  if (query === undefined) return path;
  const kept = [...new URLSearchParams(query)].map(([name, value]) => [
    name,
    isListParameter(name) ? value : REDACTED,
  ]);
  return `${base}?${new URLSearchParams(kept)}`;
}
