import { createEmulator, type SandboxFactory } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { justBashSandbox } from '../../../src/emulator/sandbox/just-bash.ts';
import { differencesOf } from '../../support/drift/differences.ts';
import { comparable, eventsOf, messageOf } from '../../support/drift/events.ts';
import { requestsOf } from '../../support/drift/requests-of.ts';
import { filesOf, type RecordedMessage, scriptOf } from '../../support/drift/script-of.ts';
import { API_HEADERS } from '../../support/headers.ts';
import { type RecordedResponse, recordings } from '../../support/recordings.ts';

/**
 * Differences that are known: `path: recorded → emulated`. The emulator
 * speaks as the API did last, and the recordings are of ten months.
 */
const EXPLAINED: readonly (readonly [line: RegExp, why: string])[] = [
  [
    /(server_tool_use|web_search_tool_result)(\.content_block)?\.caller: object → absent$/,
    'calls of the model named their caller until March 2026',
  ],
  [
    /\.caller\.type: code_execution_20250825 → code_execution_20260120$/,
    'calls from code name this version since 2026',
  ],
  [/\b(stop_details|container|diagnostics): absent → null$/, 'sent in the course of 2026'],
  [/\.abort_reason: absent → null$/, 'sent since March 2026'],
  [
    /\busage\.(inference_geo|cache_creation|server_tool_use\.web_fetch_requests): absent → /,
    'counters that came in time',
  ],
  [/\busage\.output_tokens_details: object → absent$/, 'a counter that comes and goes'],
  [
    /\.content\.content\[\]: (bash_)?code_execution_output → $/,
    'files of programs that the sandbox has not: matplotlib, Node',
  ],
  [
    /text_editor_code_execution_tool_result\.content\.(type: \w+str_replace_result → |(old|new)_\w+: number → |lines: array → |error_\w+: absent → )/,
    'the recording shortens the texts of files, so edits find nothing',
  ],
];

interface Form {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

/** What of an answer is compared. */
function formOf(status: number, contentType: string, text: string): Form {
  const [type = ''] = contentType.split(';');
  if (type === 'text/event-stream') return { status, type, body: comparable(eventsOf(text)) };
  return { status, type, body: type === 'application/json' ? JSON.parse(text) : undefined };
}

function recordedForm({ status, headers, sse, body }: RecordedResponse): Form {
  const type = headers['content-type'] ?? (sse ? 'text/event-stream' : 'application/json');
  return formOf(status, type, sse ?? JSON.stringify(body ?? null));
}

/** just-bash with the files that the recorded container had. */
function sandboxWith(files: ReadonlyMap<string, string>): SandboxFactory {
  return async (timeoutMs) => {
    const sandbox = await justBashSandbox(timeoutMs);
    for (const [path, text] of files) {
      await sandbox.makeDirectory(path.slice(0, path.lastIndexOf('/')));
      await sandbox.writeFile(path, new TextEncoder().encode(text));
    }
    return sandbox;
  };
}

/** How often each difference was found, as `path: recorded → emulated`. */
const found = new Map<string, number>();

describe.skipIf(recordings.length === 0)('asked as the API was, the emulator answers as it did', () => {
  it.each(recordings)('$name', async (recording) => {
    const messages = recording.responses
      .filter(({ sse, body }) => sse !== undefined || body?.['type'] === 'message')
      .map(({ sse, body }) => (sse ? messageOf(eventsOf(sse)) : body) as unknown as RecordedMessage);
    const emulator = createEmulator({
      script: scriptOf(messages),
      // Thinking is that of the recordings, and so are the models.
      prefixCheck: 'off',
      models: 'any',
      sandbox: sandboxWith(filesOf(messages)),
      web: { fetch: () => ({ title: 'Example Domain', text: 'Example Domain\n\nFor use in examples.' }) },
    });
    const requests = requestsOf(recording);
    const lines: string[] = [];
    for (const recorded of recording.responses) {
      const { path, ...init } = requests.next();
      const headers = { ...API_HEADERS, ...init.headers };
      const answer = await emulator.fetch(`http://localhost${path}`, { ...init, headers });
      const text = await answer.text();
      requests.answered(recorded, text);
      const form = formOf(answer.status, answer.headers.get('content-type') ?? '', text);
      for (const { path: at, ...sides } of differencesOf(recordedForm(recorded), form)) {
        lines.push(`${at}: ${sides.recorded} → ${sides.emulated}`);
      }
    }
    emulator.assertDone();
    for (const line of lines) found.set(line, (found.get(line) ?? 0) + 1);
    expect(lines.filter((line) => !EXPLAINED.some(([pattern]) => pattern.test(line)))).toEqual([]);
  });

  it('but for at most ten kinds of differences, all of which are still there', () => {
    const rows = EXPLAINED.map(([pattern, why]) => {
      const lines = [...found].filter(([line]) => pattern.test(line));
      return {
        why,
        times: lines.reduce((sum, [, times]) => sum + times, 0),
        lines: lines.map(([line]) => `      ${line}`),
      };
    });
    const responses = recordings.flatMap((recording) => recording.responses).length;
    console.log(
      [
        `drift: ${recordings.length} recordings, ${responses} answers`,
        ...rows.flatMap(({ why, times, lines }) => [`${String(times).padStart(4)}  ${why}`, ...lines]),
      ].join('\n'),
    );
    expect(EXPLAINED.length).toBeLessThanOrEqual(10);
    expect(rows.filter(({ times }) => times === 0)).toEqual([]);
  });
});
