import { stripVTControlCharacters } from 'node:util';
import type { Artifact, Execution, TurnEvent } from 'code-execution-kit';

const colour = (code: number) => (text: string) =>
  process.stdout.isTTY ? `\x1b[${code}m${text}\x1b[0m` : text;
export const dim = colour(2);
export const bold = colour(1);

/**
 * Text of a model, safe to print: escape sequences and control characters could
 * otherwise move the cursor, set the window's title or write to the clipboard.
 */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/[^\P{Cc}\n\t]/gu, '');
}

/**
 * A name or a reason, on one line. Controls that turn the
 * direction of writing would make `gpj.exe` read `exe.jpg`.
 */
export function printableName(text: string): string {
  return printable(text)
    .replace(/[\n\t\u2028\u2029]+/g, ' ')
    .replace(/\p{Bidi_Control}/gu, '');
}

const MARKS: Record<Execution['status'], string> = {
  writing: '…',
  pending: '…',
  succeeded: '✓',
  failed: '✗',
  errored: '✗',
};

/** Prints a turn while it happens. */
export function createTurnView(write: (text: string) => void) {
  /** What the line that is being written belongs to. */
  let open = '';
  const begin = (place: string) => {
    if (open !== '' && open !== place) write('\n\n');
    open = place;
  };
  const line = (text: string) => {
    begin('');
    write(`${text}\n`);
  };

  return (event: TurnEvent): void => {
    switch (event.type) {
      case 'text-delta':
        begin('text');
        write(printable(event.text));
        break;
      case 'thinking-delta':
        begin('thinking');
        write(dim(printable(event.text)));
        break;
      case 'execution-start':
        line(bold(`▶ ${printable(event.execution.name ?? 'code')}`));
        break;
      case 'code-delta':
        begin('code');
        write(dim(printable(event.text)));
        break;
      case 'execution-end':
        line(resultOf(event.execution));
        break;
      case 'pause':
        line(bold('⏸ Claude paused; going on'));
        break;
      case 'artifact':
        line(`  ${fileLine(event.artifact)}`);
        break;
      case 'notice':
        line(`! ${printable(event.notice.message)}`);
        break;
      case 'turn-error':
        line(bold(`✗ ${event.code}: ${printable(event.message)}`));
        break;
      case 'turn-end':
        line('');
        break;
    }
  };
}

/** A file is captured first, and looked up at the turn's end. */
function fileLine({ fileId, status, name, sizeBytes }: Artifact): string {
  if (status === 'listed') return `+ file captured: ${fileId}`;
  return status === 'missing'
    ? `- file gone: ${fileId}`
    : `+ ${printableName(name ?? fileId)} (${sizeBytes} bytes)`;
}

function resultOf({ status, returnCode, stdout, stderr, errorCode }: Execution): string {
  const outcome = errorCode ?? (returnCode === null ? status : `return code ${returnCode}`);
  const output = printable([stdout, stderr].filter(Boolean).join('\n')).trimEnd();
  return `${MARKS[status]} ${outcome}${output ? `\n${output.replace(/^/gm, '  ')}` : ''}\n`;
}
