/**
 * Run by `npm run lint`: lines of comments have at most 110 characters, lines of docs at most 120 but for
 * tables and code, and both speak plain English, by the list of words below.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const LONGEST = { comment: 110, page: 120 };

const files = execFileSync(
  'git',
  ['ls-files', '-co', '--exclude-standard', 'src', 'test', 'examples', 'docs', '*.md', '*.ts'],
  {
    encoding: 'utf8',
  },
)
  .trim()
  .split('\n');
const faults = [];

function checkPage(path, lines) {
  let isCode = false;
  for (const [index, line] of lines.entries()) {
    if (/^\s*(```|~~~)/.test(line)) isCode = !isCode;
    const isTable = /^\s*\|/.test(line);
    // A link cannot be broken.
    if (isCode || isTable || line.length <= LONGEST.page || !line.trim().includes(' ')) continue;
    faults.push(`${path}:${index + 1}: ${line.length} characters, at most ${LONGEST.page}`);
  }
}

function checkProgram(path, lines) {
  for (const [index, line] of lines.entries()) {
    const isComment = /^\s*(\/\/|\/\*|\*)/.test(line);
    if (isComment && line.length > LONGEST.comment) {
      faults.push(`${path}:${index + 1}: a comment of ${line.length} characters, at most ${LONGEST.comment}`);
    }
  }
}

for (const path of files) {
  if (path.startsWith('test/peers/node_modules/')) continue;
  const lines = readFileSync(path, 'utf8').split('\n');
  if (path.endsWith('.md')) checkPage(path, lines);
  else if (/\.(ts|mjs)$/.test(path)) checkProgram(path, lines);
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
