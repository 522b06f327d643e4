/**
 * A session that lives in a file. Each call of `ask` could be a process of its own:
 * it goes on where the last one ended, also where that was killed within a turn.
 *
 *   npx tsx examples/02-session-in-a-file.ts [session.json]
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import Anthropic from '@anthropic-ai/sdk';
import { createSession, type Session, type SessionSnapshot } from 'code-execution-kit';
import { bash, createEmulator, pause, python, say, stop } from 'code-execution-kit/emulator';
import { uploadPath } from 'code-execution-kit/node';

const path = process.argv[2] ?? 'session.json';
const defaults = { model: 'claude-opus-5-5', max_tokens: 32_000 };

async function load(): Promise<SessionSnapshot | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Under another name first: a reader finds the old session or the new one, never half of one. */
async function save(session: Session): Promise<void> {
  await writeFile(`${path}.tmp`, JSON.stringify(session));
  await rename(`${path}.tmp`, path);
}

async function ask(client: Anthropic, question: string, files: { id: string }[] = []): Promise<string> {
  const session = createSession(client, defaults, {
    snapshot: await load(),
    onLostContainer: 'restart',
    onCheckpoint: (_, self) => save(self),
  });
  // Killed within a turn: it is finished first. Its last response may run a second time.
  if (session.unfinished) await session.resume({ rerun: true }).turn();
  const { answer } = await session.run(question, { files });
  await save(session);
  const { revision, messages, container } = session.toJSON();
  return `${answer}\n  revision ${revision}, ${messages.length} messages, ${container?.id}`;
}

// What Claude does here, offline. With a key: `const client = new Anthropic()`.
await using emulator = createEmulator({
  script: [
    bash('head -n 1 "$INPUT_DIR/sales.csv"'),
    pause(),
    python(
      'lines = open(__import__("os").environ["INPUT_DIR"] + "/sales.csv").readlines()\nprint(len(lines))',
    ),
    say(({ stdout }) => `The file has ${stdout.trim()} lines.`),
    stop(),
    python('print(sum("North" in line for line in lines))'),
    say(({ stdout }) => `${stdout.trim()} of them name the North.`),
  ],
});
const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });

const file = await uploadPath(client, new URL('data/sales.csv', import.meta.url));
console.log(await ask(client, 'How many lines has this file?', [file]));
console.log(await ask(client, 'And how many of them name the North?'));
emulator.assertDone();
