import type { MessagesBody } from '../protocol/request-body.ts';
import { bash, type Conversation, type DynamicScript, type LastResult, python, say } from './words.ts';

export function conversationOf({ messages }: MessagesBody): Conversation {
  const content = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  const texts = blocks.flatMap(({ type, text }) => (type === 'text' ? [String(text)] : []));
  return { messages, text: texts.join('\n') };
}

/** What the last command of a conversation did, as its history shows. */
export function lastResultOf({ messages }: MessagesBody): LastResult {
  const blocks = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content));
  const results = blocks.map(({ content }) => content as Readonly<Record<string, unknown>> | undefined);
  const last = results.findLast((content) => typeof content?.['stdout'] === 'string');
  return {
    stdout: String(last?.['stdout'] ?? ''),
    stderr: String(last?.['stderr'] ?? ''),
    returnCode: Number(last?.['return_code'] ?? 0),
  };
}

/**
 * What is done without a script: the fenced code of the
 * last user message is run, and what it printed is said.
 */
export const runFencedCode: DynamicScript = ({ text }) => {
  const fences = [...text.matchAll(/^```(\w*)[^\n]*\n(.*?)^```/gms)];
  const steps = fences.flatMap(([, language = '', code = '']) => {
    if (/^(py|python|python3)$/i.test(language)) return [python(code)];
    return /^(|ba|z)sh$|^(shell|console)$/i.test(language) ? [bash(code)] : [];
  });
  if (steps.length === 0) return [say('The message holds no fenced Python or bash to run.')];
  return [...steps, say(({ stdout, stderr }) => stdout || stderr || 'It printed nothing.')];
};
