import { readFileSync } from 'node:fs';
import { bash, pause, python, say } from 'code-execution-kit/emulator';

const source = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');

/** What the emulated Claude says and runs. What comes of it is computed: the code really runs. */
export const script = [
  say('I will look at the file before I trust it.'),
  bash('ls -l "$INPUT_DIR"\nhead -n 4 "$INPUT_DIR/sales.csv"'),
  python(source('inspect.py')),
  pause(),
  say(
    'The export has three date formats, two price formats, and rows that are no orders. I clean it, then sum it up.',
  ),
  python(source('clean.py')),
  say(({ stdout }) => {
    const [kept = '', best = '', total = ''] = stdout.split('\n');
    return `${kept}.\n${best}. ${total}.\nThe table is in summary.csv and the chart in revenue.svg.`;
  }),
];

/** The same, and a chart by matplotlib, for a sandbox whose Python has it. */
export const scriptWithMatplotlib = [
  ...script,
  python(source('chart.py')),
  say('A chart by matplotlib is in revenue.png.'),
];
