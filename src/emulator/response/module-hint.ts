/** Top-level modules of the libraries that the documentation lists for the container (Aug 2026). */
const IN_THE_CONTAINER = new Set([
  'PIL',
  'dateutil',
  'docx',
  'img2pdf',
  'joblib',
  'matplotlib',
  'mpmath',
  'numpy',
  'openpyxl',
  'pandas',
  'pdf2image',
  'pdfkit',
  'pdfplumber',
  'pptx',
  'pyarrow',
  'pypdf',
  'pypdfium2',
  'pytz',
  'reportlab',
  'scipy',
  'seaborn',
  'sklearn',
  'statsmodels',
  'sympy',
  'tabula',
  'tqdm',
  'xlrd',
  'xlsxwriter',
]);

/** The errors of a command, with one line more when it missed a module that the real container has. */
export function withModuleHint(stderr: string): string {
  const missing = [...stderr.matchAll(/^ModuleNotFoundError: No module named '([\w.]+)'/gm)].at(-1)?.[1];
  const name = missing?.split('.')[0] ?? '';
  if (!IN_THE_CONTAINER.has(name)) return stderr;
  const end = stderr.endsWith('\n') ? '' : '\n';
  return `${stderr}${end}emulator: the real container has ${name}, this sandbox has not. Give createEmulator({ sandbox: systemSandbox() }) a Python that has it, or use the standard library.\n`;
}
