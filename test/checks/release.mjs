/**
 * Run by npm before it publishes (`prepublishOnly`). Fails where package.json still
 * has a placeholder, such as `OWNER` in the repository's address, and names each of them.
 */
import { readFileSync } from 'node:fs';

const PLACEHOLDER = /\b(?:OWNER|AUTHOR)\b/;

function* textsOf(value, path) {
  if (typeof value === 'string') yield [path, value];
  else
    for (const [key, child] of Object.entries(value ?? {}))
      yield* textsOf(child, path ? `${path}.${key}` : key);
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const left = [...textsOf(manifest, '')].filter(([, text]) => PLACEHOLDER.test(text));
for (const [path, text] of left) {
  console.error(
    `package.json: ${path} is ${JSON.stringify(text)}: put the real value in place of ${PLACEHOLDER.exec(text)[0]}.`,
  );
}
if (left.length > 0) process.exitCode = 1;
