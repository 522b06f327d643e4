/** What platforms and gateways put around the id of a model, and what dates and marks follow it. */
const AROUND =
  /^(?:(?:[a-z-]+\.)?anthropic[./:])?(claude-[a-z0-9]+(?:[-.][a-z0-9]+)*?)(?:[-@]\d{8})?(?:-v\d+(?::\d+)?)?(?:\[[^\]]*\])?$/i;

/**
 * The name by which the tables know a model: `claude-haiku-4-5` for `claude-haiku-4-5-20251001`,
 * `anthropic.claude-haiku-4-5-20251001-v1:0`, `claude-haiku-4-5@20251001` and `anthropic/claude-haiku-4.5`.
 * What is no id of Claude is given back as it is.
 */
export function modelName(id: string): string {
  const [, name] = id.length <= 200 ? (AROUND.exec(id) ?? []) : [];
  return name ? name.toLowerCase().replaceAll('.', '-') : id;
}

/**
 * The cloud in whose form an id is written, where that cloud has no code execution (documented, Aug 2026).
 */
export function cloudOf(id: string): string | null {
  if (/(?:^|\.)anthropic\.claude-/i.test(id)) return 'Amazon Bedrock';
  return /^claude-[^@]*@\d/i.test(id) ? 'Google Cloud' : null;
}
