/**
 * Sessions in a key-value store that several servers share. A session is saved
 * only over the revision that it was loaded with: of two requests for one
 * session at the same time one wins, and the other is asked again after it.
 *
 *   npx tsx examples/03-session-in-a-store.ts
 */
import Anthropic from '@anthropic-ai/sdk';
import { createSession, type SessionSnapshot } from 'code-execution-kit';
import { bash, createEmulator, say } from 'code-execution-kit/emulator';

/** In SQL: `UPDATE … SET value = $value, revision = $revision WHERE key = $key AND revision = $expected`. */
interface Store {
  get(key: string): Promise<SessionSnapshot | null>;
  /**
   * False, and nothing is stored, when another revision than the expected one is there; `null` expects none.
   */
  replace(key: string, expected: number | null, snapshot: SessionSnapshot): Promise<boolean>;
}

function memoryStore(): Store {
  const values = new Map<string, string>();
  const read = (key: string): SessionSnapshot | null => JSON.parse(values.get(key) ?? 'null');
  return {
    get: async (key) => read(key),
    replace: async (key, expected, snapshot) => {
      if ((read(key)?.revision ?? null) !== expected) return false;
      values.set(key, JSON.stringify(snapshot));
      return true;
    },
  };
}

// What Claude does here, offline. With a key: `const client = new Anthropic()`.
await using emulator = createEmulator({
  script: ({ text, messages }) => [
    bash(`echo ${text.length}`),
    say(({ stdout }) => `Your question ${(messages.length + 1) / 2} has ${stdout.trim()} letters.`),
  ],
});
const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });
const store = memoryStore();

async function ask(key: string, question: string): Promise<string> {
  for (let attempt = 1; attempt <= 3; attempt++) {
    const snapshot = await store.get(key);
    const session = createSession(client, { model: 'claude-opus-5-5', max_tokens: 32_000 }, { snapshot });
    const { answer } = await session.run(question);
    // What was loaded, not `revision - 1`: a turn with checkpoints goes up by more than one.
    if (await store.replace(key, snapshot?.revision ?? null, session.toJSON())) return answer;
    console.log(`"${question}" lost the race and is asked again.`);
  }
  throw new Error(`${key} is too busy.`);
}

const answers = await Promise.all([ask('user-1', 'Ready?'), ask('user-1', 'Are you there?')]);
for (const answer of answers.sort()) console.log(answer);
const stored = await store.get('user-1');
console.log(`revision ${stored?.revision}, ${stored?.messages.length} messages`);
