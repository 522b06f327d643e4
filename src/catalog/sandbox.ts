import { frozen } from './foreign.ts';

/** A fact with its source, and the ISO date, or month, when that was read. */
export interface DatedFact<T> {
  readonly value: T;
  readonly asOf: string;
  readonly source: string;
  /** Seen in recordings, or reported, and not documented. */
  readonly undocumented?: true;
}

/** Where Claude's code runs: see {@link sandbox}. */
export interface Sandbox {
  readonly python: DatedFact<string>;
  readonly operatingSystem: DatedFact<string>;
  readonly architecture: DatedFact<string>;
  readonly cpus: DatedFact<number>;
  readonly memoryBytes: DatedFact<number>;
  readonly diskBytes: DatedFact<number>;
  /** No request leaves the container, and nothing can be installed. */
  readonly network: DatedFact<boolean>;
  /** Python packages by what they are for. */
  readonly libraries: DatedFact<Readonly<Record<string, readonly string[]>>>;
  /** Command-line tools beside the usual ones. */
  readonly commands: DatedFact<readonly string[]>;
  /** Installed, as a recording shows, and in no list. */
  readonly alsoSeen: DatedFact<readonly string[]>;
  /** File types that the documentation names for uploads; code can read any other, too. */
  readonly fileTypes: DatedFact<readonly string[]>;
  /** Where uploaded files are, and where files are left that are to come back: names of variables. */
  readonly inputFolder: DatedFact<string>;
  readonly outputFolder: DatedFact<string>;
  /** Longest time of a Python cell. */
  readonly cellSeconds: DatedFact<number>;
  /** How long a cell waits for one of your own tools. */
  readonly toolCallSeconds: DatedFact<number>;
  /** Longest time of one call of the tool: `null`, since it is not published. */
  readonly callSeconds: DatedFact<null>;
  /** After so long without a request a container is stored away; the next request brings it back. */
  readonly idleMinutes: DatedFact<number>;
  /** How far ahead `expires_at` lies after each use. */
  readonly expiresAfterMinutes: DatedFact<number>;
  /** After so long a container cannot be used again. */
  readonly lifeDays: DatedFact<number>;
}

const PAGE = 'https://platform.claude.com/docs/en/agents-and-tools/tool-use/code-execution-tool';
const CALLS = 'https://platform.claude.com/docs/en/agents-and-tools/tool-use/programmatic-tool-calling';
const RECORDED = 'https://github.com/pydantic/pydantic-ai';
const GIB = 1024 ** 3;

const documented = <T>(value: T, source = PAGE): DatedFact<T> => ({ value, asOf: '2026-08-22', source });
const recorded = <T>(value: T, asOf: string, source: string): DatedFact<T> => ({
  value,
  asOf,
  source,
  undocumented: true,
});

/** The container of the code execution tool: data, each with the date and the source of it. Frozen. */
export const sandbox: Sandbox = /* @__PURE__ */ frozen<Sandbox>({
  python: documented('3.11'),
  operatingSystem: documented('Linux'),
  architecture: documented('x86_64'),
  cpus: documented(1),
  memoryBytes: documented(5 * GIB),
  diskBytes: documented(5 * GIB),
  network: documented(false),
  libraries: documented({
    'data science': ['pandas', 'numpy', 'scipy', 'scikit-learn', 'statsmodels'],
    visualization: ['matplotlib', 'seaborn'],
    files: [
      'pyarrow',
      'openpyxl',
      'xlsxwriter',
      'xlrd',
      'pillow',
      'python-pptx',
      'python-docx',
      'pypdf',
      'pdfplumber',
      'pypdfium2',
      'pdf2image',
      'pdfkit',
      'tabula-py',
      'reportlab[pycairo]',
      'Img2pdf',
    ],
    math: ['sympy', 'mpmath'],
    utilities: ['tqdm', 'python-dateutil', 'pytz', 'joblib'],
  }),
  commands: documented(['unzip', 'unrar', '7zip', 'bc', 'rg', 'fd', 'sqlite']),
  alsoSeen: recorded(['node'], '2025-10', 'https://github.com/vercel/ai'),
  fileTypes: documented([
    'csv',
    'xlsx',
    'xls',
    'json',
    'xml',
    'jpeg',
    'png',
    'gif',
    'webp',
    'txt',
    'md',
    'py',
  ]),
  inputFolder: recorded('INPUT_DIR', '2026-08-26', RECORDED),
  outputFolder: documented('OUTPUT_DIR'),
  cellSeconds: documented(90, CALLS),
  toolCallSeconds: documented(270, CALLS),
  callSeconds: documented(null),
  idleMinutes: documented(5),
  expiresAfterMinutes: recorded(60, '2026-08-26', RECORDED),
  lifeDays: documented(30),
});

/**
 * A short system text that tells Claude where its code runs: what is there, what is not, and how long a cell
 * may take. For apps in which Claude guesses wrong; the tool itself says less. It does not say how files
 * come back: `artifactInstructions()` does.
 *
 * @example
 * ```ts
 * const system = [describeSandbox(), artifactInstructions()].join('\n\n');
 * ```
 */
export function describeSandbox(): string {
  const gib = (bytes: number) => `${bytes / GIB} GiB`;
  const packages = Object.values(sandbox.libraries.value).flat().join(', ');
  return [
    `Your code runs in a container: ${sandbox.operatingSystem.value} ${sandbox.architecture.value}, Python ${sandbox.python.value}, ` +
      `${sandbox.cpus.value} CPU, ${gib(sandbox.memoryBytes.value)} of memory, ${gib(sandbox.diskBytes.value)} of disk.`,
    'It has no network: nothing can be downloaded or installed.',
    `Python packages: ${packages}.`,
    `Command-line tools beside the usual ones: ${sandbox.commands.value.join(', ')}.`,
    `A Python cell is stopped after ${sandbox.cellSeconds.value} s: split longer work into several cells.`,
    `Uploaded files are in $${sandbox.inputFolder.value}.`,
  ].join('\n');
}
