import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { printable, printableName } from '../../examples/quickstart/terminal.ts';
import { showTransfers } from '../../examples/quickstart/transfers.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('printable', () => {
  it.each([
    ['colours', '\x1b[31mred\x1b[0m', 'red'],
    ['cursor moves', 'a\x1b[2Jb\x1b[1;1Hc', 'abc'],
    ['the title of the window', 'a\x1b]0;owned\x07b', 'ab'],
    ['the clipboard', 'a\x1b]52;c;b3duZWQ=\x1b\\b', 'ab'],
    ['links', '\x1b]8;;http://x\x1b\\here\x1b]8;;\x1b\\', 'here'],
    ['8-bit sequences', 'a\x9b31mb\x9dc', 'abc'],
    ['carriage returns and backspaces', 'good\rbad\b\b', 'goodbad'],
    ['a sequence without its end', 'a\x1b[', 'a['],
  ])('takes %s out', (_, hostile, safe) => {
    expect(printable(hostile)).not.toMatch(/[^\P{Cc}\n\t]/u);
    expect(stripVTControlCharacters(printable(hostile))).toBe(printable(hostile));
    expect(printable(hostile)).toBe(safe);
  });

  it('keeps lines and tabs of texts, and neither of names', () => {
    expect(printable('a\n\tb')).toBe('a\n\tb');
    expect(printableName('a\n\tb\u2028c')).toBe('a b c');
    expect(printableName('report\u202Efdp.exe')).toBe('reportfdp.exe');
  });
});

describe('transfers', () => {
  const name = '\x1b]0;owned\x07summary.csv\nfake line';
  const steps = { arrived: 0, failed: 0, total: 1, fileId: 'file_1' };

  /** What is written for an upload and a download, with a name that a model chose. */
  async function written(isTTY: boolean): Promise<string> {
    const stream = Object.assign(new PassThrough(), { isTTY, columns: 120, rows: 40, cursorTo() {} });
    const output = text(stream);
    await showTransfers(stream as never, async ({ upload, download }) => {
      const tell = upload('sales.csv');
      tell({ bytes: 50, total: 100 });
      tell({ bytes: 100, total: 100 });
      download({ ...steps, type: 'start', name, attempt: 1 });
      download({ ...steps, type: 'bytes', receivedBytes: 10, sizeBytes: 20 });
      download({ ...steps, type: 'retry', attempt: 2, error: new Error('cut') });
      download({ ...steps, type: 'wait', waitMs: 1000 });
      download({ ...steps, type: 'start', name, attempt: 2 });
      download({ ...steps, type: 'bytes', receivedBytes: 20, sizeBytes: 20 });
      download({ ...steps, type: 'end' });
    });
    stream.end();
    return output;
  }

  it('are plain lines where the output is piped', async () => {
    expect(await written(false)).toBe(
      [
        '  ↑ sales.csv, 100 bytes',
        '  ↓ summary.csv fake line, again, try 2',
        '  ↓ waits 1000 ms',
        '  ↓ summary.csv fake line, 20 bytes',
        '',
      ].join('\n'),
    );
  });

  it('show a name without the sequences in it, also in bars', async () => {
    const bars = await written(true);
    expect(bars).toContain('100% summary.csv fake line');
    expect(bars).not.toContain('\x1b]');
    expect(bars).not.toContain('csv\n');
  });

  // The command that gives a program a terminal has other options elsewhere.
  it.runIf(process.platform === 'linux')('are bars in a terminal', async () => {
    const cwd = await mkdtemp(join(tmpdir(), 'kit-terminal-'));
    const demo = [
      process.execPath,
      join(root, 'node_modules/tsx/dist/cli.mjs'),
      join(root, 'examples/01-quickstart.ts'),
    ];
    const env = { ...process.env, ANTHROPIC_API_KEY: '', TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') };
    const command = `stty cols 80 rows 24; ${demo.join(' ')}`;
    const running = promisify(execFile)('script', ['-qec', command, '/dev/null'], { cwd, env });
    running.child.stdin?.end();
    const { stdout } = await running;
    const bars = stdout.split('\n').filter((line) => line.includes('■'));
    expect(bars.join('\n')).toMatch(/↑ \[■{20}\] 100% sales\.csv/);
    expect(bars.join('\n')).toMatch(/↓ \[■{20}\] 100% summary\.csv/);
    // The cursor is shown again.
    expect(stdout.lastIndexOf('\x1b[?25h')).toBeGreaterThan(stdout.lastIndexOf('\x1b[?25l'));
  });
});
