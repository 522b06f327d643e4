import type { ChildProcess } from 'node:child_process';
import { EmulatorError } from '../protocol/emulator-error.ts';

/** Folders of a container that code may write to; everything else is read-only or not there. */
const WRITABLE = ['tmp', 'root', 'home', 'mnt', 'files', 'skills', 'var/lib/cells'];
/** What libraries under /usr read besides. No names of users, hosts or networks. */
const SETTINGS = [
  'alternatives',
  'fonts',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'matplotlibrc',
];

const NOBODY = 65534;

/**
 * Closes every file that this process was started with, above the given number:
 * Node hands on those that it does not know of, and bubblewrap lets them through.
 */
const CLOSE_OTHERS =
  'for fd in $(ls /proc/$$/fd); do if [ "$fd" -gt "$0" ]; then eval "exec $fd>&-"; fi; done; exec "$@"';

const ENVIRONMENT = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
  MPLBACKEND: 'Agg',
};

/** Limits of one command and all it starts, each per process. */
export interface Limits {
  /** Address space, in bytes. */
  readonly memoryBytes: number;
  /** Largest file, in bytes. */
  readonly fileBytes: number;
  /** Processes and threads. */
  readonly processes: number;
}

interface ExecOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Uint8Array | undefined;
  readonly timeoutMs: number;
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

interface ExecResult {
  readonly returnCode: number;
  readonly timedOut: boolean;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** Node's modules that the sandbox needs. */
function nodeModules() {
  const builtin = globalThis.process?.getBuiltinModule;
  if (!builtin) {
    throw new EmulatorError('systemSandbox() needs Node 20.16 or later on Linux.', { code: 'not_node' });
  }
  return {
    childProcess: builtin('node:child_process'),
    fs: builtin('node:fs/promises'),
    os: builtin('node:os'),
  };
}

/**
 * Folders that are in use; a process that ends by itself
 * without disposing of its emulator leaves none.
 */
const inUse = new Set<string>();

function removeAtExit(directory: string): void {
  if (inUse.size === 0) globalThis.process.once('exit', removeAll);
  inUse.add(directory);
}

function removeAll(): void {
  const { rmSync } = globalThis.process.getBuiltinModule('node:fs');
  for (const directory of inUse) rmSync(directory, { recursive: true, force: true });
}

/** A container's folders on the host, and how programs are started in them. */
export class Bubblewrap {
  readonly directory: string;
  readonly #limits: Limits;

  constructor(directory: string, limits: Limits) {
    this.directory = directory;
    this.#limits = limits;
  }

  /**
   * Makes the folders and proves the isolation: that the program starts, holds no file of
   * this process, sees no network device but `lo`, and no file of the host outside /usr.
   *
   * @throws {EmulatorError} `.code` `sandbox_missing`, with what the machine said.
   */
  static async create(limits: Limits): Promise<Bubblewrap> {
    const { fs, os } = nodeModules();
    const directory = await fs.mkdtemp(`${os.tmpdir()}/code-execution-emulator-`);
    removeAtExit(directory);
    for (const path of WRITABLE) await fs.mkdir(`${directory}/${path}`, { recursive: true });
    if (isRoot()) {
      await fs.chown(directory, NOBODY, NOBODY);
      for (const path of WRITABLE) await fs.chown(`${directory}/${path}`, NOBODY, NOBODY);
    }
    const bubblewrap = new Bubblewrap(directory, limits);
    const probe = `for fd in /proc/$$/fd/*; do [ "\${fd##*/}" -le 2 ] || [ ! -e "$fd" ] || exit; done; [ "$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' \n')" = lo ] && [ ! -e ${directory} ] && echo isolated`;
    const said = await bubblewrap.exec(['/bin/bash', '-c', probe], { timeoutMs: 10_000 }).then(
      ({ stdout, stderr }) => decode(stdout) + decode(stderr),
      (error: Error) => error.message,
    );
    if (said.trim() === 'isolated') return bubblewrap;
    await bubblewrap.remove();
    throw new EmulatorError(
      'systemSandbox() runs code only where bubblewrap isolates it, which this machine cannot do: ' +
        `${said.trim() || 'the network or the files of the host can be seen'}. ` +
        'Debian and Ubuntu: apt-get install bubblewrap; user namespaces must be allowed. Or leave `sandbox` out, for just-bash.',
      { code: 'sandbox_missing' },
    );
  }

  /** Starts a program in the sandbox, as a group of processes of its own. */
  spawn(
    command: readonly string[],
    env: Readonly<Record<string, string>>,
    stdio: readonly ('ignore' | 'pipe')[],
  ): ChildProcess {
    const { childProcess } = nodeModules();
    const { memoryBytes, fileBytes, processes } = this.#limits;
    const limits = [`--as=${memoryBytes}`, `--fsize=${fileBytes}`, '--core=0'];
    // The number of processes is limited inside: outside it would count all those of the user.
    const inside = ['/usr/bin/prlimit', `--nproc=${processes}`, ...command];
    const starter = [
      ...limits,
      ...asNobody(),
      'bash',
      '-c',
      CLOSE_OTHERS,
      String(stdio.length - 1),
      'bwrap',
      ...this.#arguments(env),
      ...inside,
    ];
    return childProcess.spawn('prlimit', starter, {
      stdio: [...stdio],
      detached: true,
      env: { PATH: globalThis.process.env['PATH'] ?? ENVIRONMENT.PATH },
    });
  }

  #arguments(env: Readonly<Record<string, string>>): string[] {
    const variables = Object.entries({ ...ENVIRONMENT, ...env });
    return [
      ...['--unshare-all', '--unshare-user', '--disable-userns', '--die-with-parent', '--new-session'],
      ...['--uid', '0', '--gid', '0', '--cap-drop', 'ALL', '--hostname', 'container', '--clearenv'],
      ...['--ro-bind', '/usr', '/usr', '--proc', '/proc', '--dev', '/dev'],
      ...['bin', 'sbin', 'lib', 'lib64'].flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]),
      ...SETTINGS.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
      ...WRITABLE.flatMap((path) => ['--bind', `${this.directory}/${path}`, `/${path}`]),
      ...['--remount-ro', '/', '--chdir', '/tmp'],
      ...variables.flatMap(([name, value]) => ['--setenv', name, value]),
      '--',
    ];
  }

  /** Runs a program to its end, or until it printed more than `maxBytes` to either side. */
  exec(
    command: readonly string[],
    { env = {}, input, timeoutMs, maxBytes = Number.POSITIVE_INFINITY, signal }: ExecOptions,
  ): Promise<ExecResult> {
    const { os } = nodeModules();
    return new Promise((resolve, reject) => {
      const child = this.spawn(command, env, ['pipe', 'pipe', 'pipe']);
      const stop = () => kill(child);
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        stop();
      }, timeoutMs);
      signal?.addEventListener('abort', stop, { once: true });
      if (signal?.aborted) stop();
      const printed = [child.stdout, child.stderr].map((stream) => {
        const chunks: Uint8Array[] = [];
        let length = 0;
        stream?.on('data', (chunk: Uint8Array) => {
          length += chunk.length;
          if (length > maxBytes) stop();
          else chunks.push(chunk);
        });
        return chunks;
      });
      child.once('error', reject);
      child.once('close', (code, name) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', stop);
        const returnCode = code ?? 128 + os.constants.signals[name ?? 'SIGKILL'];
        const [stdout, stderr] = [Buffer.concat(printed[0] ?? []), Buffer.concat(printed[1] ?? [])];
        resolve({ returnCode, timedOut, stdout, stderr });
      });
      // A program need not read what it is given.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
  }

  async remove(): Promise<void> {
    await nodeModules().fs.rm(this.directory, { recursive: true, force: true });
    inUse.delete(this.directory);
    if (inUse.size === 0) globalThis.process.off('exit', removeAll);
  }
}

const isRoot = () => globalThis.process.getuid?.() === 0;

/**
 * Code never runs as the host's root: the kernel does not
 * limit its processes. Inside it is called root all the same.
 */
function asNobody(): string[] {
  return isRoot() ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
}

export const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Ends a program and all that it started. */
export function kill(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    globalThis.process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended in this moment.
  }
}
