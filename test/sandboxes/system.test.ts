import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeExecutionTool, type Execution, executionsOf } from 'code-execution-kit';
import {
  bash,
  create,
  type EmulatorOptions,
  pause,
  python,
  type Step,
  systemSandbox,
  view,
} from 'code-execution-kit/emulator';
import { afterEach, describe, expect, it } from 'vitest';
import { world } from '../support/world.ts';

/** Whether this machine has bubblewrap. CI has; elsewhere these tests are skipped, and say so. */
const isThere = ((): boolean => {
  try {
    execFileSync('bwrap', ['--version']);
    return true;
  } catch {
    if (process.env['REQUIRE_SYSTEM_SANDBOX'] === '1')
      throw new Error('REQUIRE_SYSTEM_SANDBOX=1 and no bwrap');
    return false;
  }
})();

it.skipIf(isThere)('no bubblewrap here: the tests of the system sandbox are skipped', () => {});

const emulators: AsyncDisposable[] = [];
afterEach(async () => {
  for (const emulator of emulators.splice(0)) await emulator[Symbol.asyncDispose]();
});

function start(script: readonly Step[], options: EmulatorOptions = {}) {
  const made = world(script, { sandbox: systemSandbox(), ...options });
  emulators.push(made.emulator);
  return made;
}

async function run(script: readonly Step[], options?: EmulatorOptions): Promise<readonly Execution[]> {
  const message = await start(script, options).client.messages.create({
    model: 'claude-opus-5-5',
    max_tokens: 1000,
    tools: [codeExecutionTool()],
    messages: [{ role: 'user', content: 'Go.' }],
  });
  return executionsOf(message);
}

const leftOver = () => readdirSync(tmpdir()).filter((name) => name.startsWith('code-execution-emulator-'));

describe.skipIf(!isThere)('the system sandbox', () => {
  it('keeps everything of an interpreter between cells, and files between commands', async () => {
    const [, , cell, command] = await run([
      python('numbers = (n * n for n in range(10))\nnext(numbers)\nopen("/tmp/a.txt", "w").write("kept")'),
      python('raise ValueError("no harm")'),
      python('print(next(numbers), next(numbers))'),
      bash('cat /tmp/a.txt; python3 -c "print(6 * 7)"'),
    ]);
    expect(cell).toMatchObject({ stdout: '1 4\n', status: 'succeeded' });
    expect(command).toMatchObject({ stdout: 'kept42\n' });
  });

  it('suspends code that waits for a tool, and goes on where it was', async () => {
    const { client } = start([
      python('import os, time\nstarted = time.monotonic_ns()\nprint(await ask({"n": 1}), os.getpid())'),
      python('print(os.getpid(), time.monotonic_ns() > started)'),
    ]);
    const params = {
      model: 'claude-opus-5-5',
      max_tokens: 1000,
      tools: [
        codeExecutionTool(),
        {
          name: 'ask',
          input_schema: { type: 'object' as const },
          allowed_callers: ['code_execution_20260120' as const],
        },
      ],
    };
    const question = { role: 'user' as const, content: 'Go.' };
    const first = await client.messages.create({ ...params, messages: [question] });
    expect(first.stop_reason).toBe('tool_use');
    const call = first.content.find(({ type }) => type === 'tool_use') as { id: string };
    const second = await client.messages.create({
      ...params,
      container: first.container?.id ?? null,
      messages: [
        question,
        { role: 'assistant', content: first.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'yes' }] },
      ],
    });
    const [one, two] = executionsOf([first, second]);
    const [, pid] = /^yes (\d+)\n$/.exec(one?.stdout ?? '') ?? [];
    expect(two?.stdout).toBe(`${pid} True\n`);
  });

  it('has no network, and of the host’s files none but /usr, read-only', async () => {
    const secret = join(mkdtempSync(join(tmpdir(), 'secret-')), 'key.txt');
    writeFileSync(secret, 'sk-secret');
    const [network, files] = await run([
      python('import socket\nsocket.create_connection(("127.0.0.1", 9), 1)'),
      bash(
        `cat ${secret} /etc/passwd /etc/hostname; touch /usr/x /etc/x; ls /home /root; echo "[$HOME $USER]"`,
      ),
    ]);
    expect(network?.stderr).toMatch(/Connection refused|Network is unreachable/);
    expect(files?.stdout).toBe('/home:\n\n/root:\n[/root ]\n');
    expect(files?.stderr?.match(/No such file|Read-only file system/g)).toHaveLength(5);
  });

  it('never follows a link out of it, neither for results nor for the editor', async () => {
    const secret = join(mkdtempSync(join(tmpdir(), 'secret-')), 'key.txt');
    writeFileSync(secret, 'sk-secret');
    const { client, emulator } = start([
      bash(`ln -s ${secret} "$OUTPUT_DIR/a.txt"; ln -s / /tmp/root; echo fine > "$OUTPUT_DIR/b.txt"`),
      bash(`ln -s ${secret} /tmp/link`),
      view('/tmp/link'),
      create(`/tmp/root${secret}`, 'overwritten'),
    ]);
    await client.messages.create({
      model: 'claude-opus-5-5',
      max_tokens: 1000,
      tools: [codeExecutionTool()],
      messages: [{ role: 'user', content: 'Go.' }],
    });
    expect(emulator.files.map(({ filename }) => filename)).toEqual(['b.txt']);
    expect(readFileSync(secret, 'utf8')).toBe('sk-secret');
  });

  it('ends what takes too long, keeping the variables of Python', async () => {
    const [, slow, after, command] = await run(
      [python('x = 1'), python('x = 2\nwhile True: pass'), python('print(x)'), bash('echo a; sleep 100')],
      { timeoutMs: 500 },
    );
    expect(slow).toMatchObject({ status: 'failed', stderr: expect.stringContaining('detection_timeout') });
    expect(after).toMatchObject({ stdout: '2\n' });
    expect(command).toMatchObject({
      status: 'failed',
      stdout: 'a\n',
      stderr: expect.stringContaining('detection_timeout'),
    });
  });

  it('limits memory, files and processes', async () => {
    const many = `
import subprocess
started = []
try:
    for _ in range(600):
        started.append(subprocess.Popen(["sleep", "60"]))
except BlockingIOError:
    print(len(started))
for one in started:
    one.kill()
`;
    const [memory, file, processes] = await run([
      python('bytearray(6 * 1024 ** 3)'),
      bash('head -c 2G /dev/zero > /tmp/big; stat -c %s /tmp/big'),
      python(many),
    ]);
    expect(memory?.stderr).toContain('MemoryError');
    expect(Number(file?.stdout)).toBe(1024 ** 3);
    expect(Number(processes?.stdout)).toBeGreaterThan(400);
    expect(Number(processes?.stdout)).toBeLessThan(512);
  });

  it('survives code that ends its interpreter', async () => {
    const [, dead, after] = await run([
      python('x = 1'),
      python('import os\nprint("bye", flush=True)\nos._exit(9)'),
      python('print(x)'),
    ]);
    expect(dead).toMatchObject({ stdout: 'bye\n', returnCode: 9, status: 'failed' });
    expect(after?.stderr).toContain('NameError');
  });

  it('leaves nothing after', async () => {
    const { client, emulator } = start([bash('echo hi > /tmp/a'), pause()]);
    const before = leftOver().length;
    await client.messages.create({
      model: 'claude-opus-5-5',
      max_tokens: 1000,
      tools: [codeExecutionTool()],
      messages: [{ role: 'user', content: 'Go.' }],
    });
    expect(leftOver()).toHaveLength(before + 1);
    await emulator[Symbol.asyncDispose]();
    expect(leftOver()).toHaveLength(before);
  });

  it.skipIf(!existsSync('/usr/lib/python3/dist-packages/matplotlib'))('draws with matplotlib', async () => {
    const { client, emulator } = start([
      python(
        'import os, matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.savefig(os.environ["OUTPUT_DIR"] + "/a.png")',
      ),
    ]);
    await client.messages.create({
      model: 'claude-opus-5-5',
      max_tokens: 1000,
      tools: [codeExecutionTool()],
      messages: [{ role: 'user', content: 'Go.' }],
    });
    const [file] = emulator.files;
    expect(file).toMatchObject({ filename: 'a.png', mimeType: 'image/png' });
    expect(Array.from(file?.bytes.slice(0, 8) ?? [])).toEqual([137, 80, 78, 71, 13, 10, 26, 10]);
  });
});

it('refuses to start where the isolation is missing', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = mkdtempSync(join(tmpdir(), 'empty-'));
  try {
    await expect(run([bash('echo not isolated')])).rejects.toThrow(
      /systemSandbox\(\) runs code only where bubblewrap isolates it.*apt-get install bubblewrap/,
    );
  } finally {
    process.env['PATH'] = path;
  }
});
