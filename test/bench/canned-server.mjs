/**
 * An emulator with canned commands on a free port of the
 * loopback interface; prints its address. A process of its own.
 *
 * A turn is what a short one is in the recordings: a text,
 * a Python cell, a command that leaves a file, an answer.
 */
import { bash, cannedSandbox, createEmulator, python, say } from '../../dist/emulator.js';

const emulator = createEmulator({
  script: () => [
    say('I look at the table first, and then I sum up the amounts by region.'),
    python(
      'import csv\nrows = list(csv.DictReader(open("data.csv")))\nprint(len(rows), rows[0])\n'.repeat(3),
    ),
    bash('python3 sum.py > "$OUTPUT_DIR/summary.csv" && ls -l "$OUTPUT_DIR"'),
    say(({ stdout }) => `The command printed ${stdout.length} characters. The summary is in summary.csv.`),
  ],
  sandbox: cannedSandbox(({ language }) => ({
    stdout: 'region,amount\nNorth,1200.50\nSouth,980.00\n'.repeat(4),
    files: language === 'bash' ? { 'summary.csv': 'region,amount\nNorth,1200.50\n' } : {},
  })),
});
const { url } = await emulator.listen();
console.log(url);
