import { PYTHON_STATE } from './python-state.ts';

/**
 * Runs Python cells as the code execution tool does: variables stay, tools are awaited,
 * and tracebacks name the cell. It runs inside the sandbox, in one of two ways:
 *
 * - `driver.py <job.json>`: one cell in an interpreter of its own, for a sandbox
 *   that cannot keep one. Variables are carried in a pickle. A call whose reply
 *   is not known yet ends the process; the cell runs again once it is.
 * - `driver.py --serve`: one interpreter for all cells of a container. Jobs come as lines
 *   on file descriptor 3, answers go to 4; a cell that awaits a tool waits for its line.
 */
export const PYTHON_DRIVER = String.raw`
import ast
import builtins
import inspect
import json
import os
import sys
import traceback
import types

HERE = __file__
MOST_UNCLAIMED = 20
cell_module = types.ModuleType('__main__')
cell_module.__builtins__ = builtins
namespace = cell_module.__dict__
definitions = {}
dropped = {}


class ToolTimeout(TimeoutError):
    """A reply that came too late. Code that does not catch it ends with return code 0, as documented."""


ToolTimeout.__name__ = ToolTimeout.__qualname__ = 'TimeoutError'
ToolTimeout.__module__ = 'builtins'

class Tools:
    """Tools that the code may await. Calls made at once wait together, until nothing else can run."""

    def __init__(self):
        import _thread
        self.names = []
        self.waiting = []
        self.exchange = None
        self.lock = _thread.allocate_lock()

    def offer(self, names, exchange):
        for name in self.names:
            if getattr(namespace.get(name), 'is_tool', False):
                del namespace[name]
        self.names, self.exchange, self.waiting = names, exchange, []
        for name in names:
            namespace[name] = self.function(name)

    def function(self, name):
        async def tool(arguments=None, /):
            import asyncio
            if not isinstance(arguments, dict):
                raise TypeError(f'{name}() takes one dict, got {type(arguments).__name__}')
            future = asyncio.get_running_loop().create_future()
            self.waiting.append((name, json.dumps(arguments, allow_nan=False), future))
            return await future

        tool.__name__ = tool.__qualname__ = name
        tool.is_tool = True
        return tool

    def settle(self):
        with self.lock:
            waiting, self.waiting = self.waiting, []
            if not waiting:
                return
            replies = self.exchange([(name, text) for name, text, _ in waiting])
        for (_, _, future), reply in zip(waiting, replies):
            future.get_loop().call_soon_threadsafe(settle_one, future, reply)


def settle_one(future, reply):
    if future.done():
        return
    if reply['kind'] == 'text':
        future.set_result(reply['text'])
    else:
        kind = ToolTimeout if reply['kind'] == 'timeout' else RuntimeError
        future.set_exception(kind(reply['text']))


tools = Tools()


def socket_loop():
    """asyncio's own event loop, which hands over the waiting calls when it has nothing else to do."""
    import asyncio
    import selectors

    class Selector(selectors.DefaultSelector):
        def select(self, timeout=None):
            if not tools.waiting or timeout == 0:
                return super().select(timeout)
            ready = super().select(0)
            if not ready:
                tools.settle()
            return ready

    return asyncio.SelectorEventLoop(Selector())


def lone_loop():
    """The same where Python has neither sockets nor threads."""
    import asyncio
    import time

    class Selector:
        def select(self, timeout=None):
            if timeout == 0:
                return []
            if tools.waiting:
                tools.settle()
            elif timeout is None:
                raise RuntimeError('The code awaits something that never comes.')
            else:
                time.sleep(timeout)
            return []

        def close(self):
            pass

    class Loop(asyncio.BaseEventLoop):
        def __init__(self):
            super().__init__()
            self._selector = Selector()

        def _process_events(self, events):
            pass

        def _write_to_self(self):
            pass

    return Loop()


def use_loop(new_loop):
    """Makes asyncio.run and top-level await use that loop."""
    import asyncio
    import warnings

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self):
            return new_loop()

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        asyncio.set_event_loop_policy(Policy())


def open_own(path, mode):
    """Opens a file of the driver. In just-bash that fails about once in a thousand times beside others, and works when it is repeated."""
    text = {} if 'b' in mode else {'encoding': 'utf-8'}
    for _ in range(4):
        try:
            return open(path, mode, **text)
        except OSError:
            pass
    return open(path, mode, **text)


def define(key, node):
    """Remembers a definition, after all earlier ones."""
    definitions.pop(key, None)
    definitions[key] = ast.unparse(node)


def run_cell(path, new_loop):
    """Runs one cell and returns its exit code."""
    sys.modules['__main__'] = cell_module
    try:
        with open_own(path, 'r') as file:
            source = file.read()
        tree = ast.parse(source, path)
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                define(node.name, node)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                define(ast.unparse(node), node)
        code = compile(tree, path, 'exec', ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        is_async = bool(code.co_flags & inspect.CO_COROUTINE)
        if is_async or 'asyncio' in source or 'asyncio' in sys.modules:
            use_loop(new_loop)
        if is_async:
            import asyncio
            asyncio.run(types.FunctionType(code, namespace)())
        else:
            exec(code, namespace)
        return 0
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return (stop.code or 0) & 255
        print(stop.code, file=sys.stderr)
        return 1
    except BaseException as error:
        trace = error.__traceback__
        while trace and trace.tb_frame.f_code.co_filename == HERE:
            trace = trace.tb_next
        traceback.print_exception(error.with_traceback(trace))
        if isinstance(error, NameError) and error.name in dropped:
            print(f'emulator: {error.name} is not here: a {dropped[error.name]} cannot be carried from one cell to the next '
                  'in this sandbox.', file=sys.stderr)
        return 0 if isinstance(error, ToolTimeout) else 1
    finally:
        for stream in {sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__}:
            try:
                stream.flush()
            except Exception:
                pass


${PYTHON_STATE}


def repeat_chance(seed, started_at):
    """The cell may run again: it should draw the same numbers then, make the same ids, and read the same clock."""
    import random
    import time
    random.seed(seed)
    chance = random.Random(seed)
    os.urandom = lambda size: chance.randbytes(size)
    now = started_at

    def tick():
        nonlocal now
        now += 0.001
        return now

    time.time = tick
    time.time_ns = lambda: int(tick() * 1e9)


def run_job(path):
    with open_own(path, 'r') as file:
        job = json.load(file)
    known = [dict(reply, claimed=False) for reply in job['answered']]

    def claim(name, text):
        """The reply to the same call. One whose input differs each time the code is run can never be answered."""
        unclaimed = [one for one in known if not one['claimed'] and one['name'] == name]
        same = [one for one in unclaimed if one['text'] == text]
        if same:
            same[0]['claimed'] = True
            return same[0]['reply']
        if len(unclaimed) < MOST_UNCLAIMED:
            return None
        return {'kind': 'error', 'text': f'emulator: {name}() gets another input each time this code is run, and this sandbox runs '
                'it again for each reply. systemSandbox() suspends it instead.'}

    def exchange(calls):
        replies = [claim(name, text) for name, text in calls]
        if None in replies:
            missing = [call for call, reply in zip(calls, replies) if reply is None]
            with open_own(job['calls'], 'w') as file:
                json.dump([{'name': name, 'text': text} for name, text in missing], file)
            os._exit(0)
        return replies

    if job['state']:
        load(job['state'])
    if job['tools']:
        repeat_chance(job['cell'], job['startedAt'])
    tools.offer(job['tools'], exchange)
    code = run_cell(job['cell'], lone_loop)
    if job['state']:
        save(job['state'])
    for stream in (sys.__stdout__, sys.__stderr__):
        # just-bash ends every output with a line end: this shows where the code's own ends.
        stream.write(job['end'])
        stream.flush()
    return code


class CellTimeout(BaseException):
    pass


def serve():
    import signal
    jobs = os.fdopen(3, 'r', encoding='utf-8')
    answers = os.fdopen(4, 'w', encoding='utf-8')
    for descriptor in (3, 4):
        os.set_inheritable(descriptor, False)

    def send(answer):
        answers.write(json.dumps(answer) + '\n')
        answers.flush()

    def exchange(calls):
        left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        send({'calls': [{'name': name, 'text': text} for name, text in calls]})
        line = jobs.readline()
        if not line:
            os._exit(0)
        signal.setitimer(signal.ITIMER_REAL, left)
        return json.loads(line)['replies']

    def expire(_signal, _frame):
        raise CellTimeout(job['timeoutText'])

    def divert(descriptor, path):
        """Prints go to a file: a pipe that is full would stop the code."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, descriptor)
        os.close(file)

    def printed(path):
        with open(path, encoding='utf-8', errors='replace') as file:
            return file.read(job['maxOutput'])

    signal.signal(signal.SIGALRM, expire)
    for line in jobs:
        job = json.loads(line)
        os.environ.update(job['env'])
        divert(1, job['stdout'])
        divert(2, job['stderr'])
        tools.offer(job['tools'], exchange)
        signal.setitimer(signal.ITIMER_REAL, job['timeoutSeconds'])
        try:
            code = run_cell(job['cell'], socket_loop)
        except CellTimeout:
            code = 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        send({'returnCode': code, 'stdout': printed(job['stdout']), 'stderr': printed(job['stderr'])})


if sys.argv[1] == '--serve':
    serve()
else:
    sys.exit(run_job(sys.argv[1]))
`;
