/**
 * Runs Python cells as the code execution tool does: variables stay, tools are awaited, and tracebacks name the cell. It
 * runs inside the sandbox, in one of two ways:
 *
 * - `driver.py <job.json>`: one cell in an interpreter of its own, for a sandbox that cannot keep one. Variables are carried in
 *   a pickle. A call whose reply is not known yet ends the process; the cell runs again once it is.
 * - `driver.py --serve`: one interpreter for all cells of a container. Jobs come as lines on file descriptor 3, answers
 *   go to 4; a cell that awaits a tool waits for its line.
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
cell_module = types.ModuleType('__main__')
cell_module.__builtins__ = builtins
namespace = cell_module.__dict__
definitions = {}
dropped = {}


class Tools:
    """Tools that the code may await. Calls made at once wait together, until nothing else can run."""

    def __init__(self):
        self.names = []
        self.waiting = []
        self.exchange = None

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
            call = {'name': name, 'input': json.loads(json.dumps(arguments))}
            future = asyncio.get_running_loop().create_future()
            self.waiting.append((call, future))
            return await future

        tool.__name__ = tool.__qualname__ = name
        tool.is_tool = True
        return tool

    def settle(self):
        waiting, self.waiting = self.waiting, []
        replies = self.exchange([call for call, _ in waiting])
        for (_, future), reply in zip(waiting, replies):
            if future.done():
                continue
            if reply['kind'] == 'text':
                future.set_result(reply['text'])
            else:
                kind = TimeoutError if reply['kind'] == 'timeout' else RuntimeError
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


def define(key, node):
    """Remembers a definition, behind all earlier ones."""
    definitions.pop(key, None)
    definitions[key] = ast.unparse(node)


def run_cell(path, new_loop):
    """Runs one cell and returns its exit code."""
    sys.modules['__main__'] = cell_module
    try:
        with open(path, encoding='utf-8') as file:
            source = file.read()
        tree = ast.parse(source, path)
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                define(node.name, node)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                define(ast.unparse(node), node)
        code = compile(tree, path, 'exec', ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        is_async = bool(code.co_flags & inspect.CO_COROUTINE)
        if is_async or 'asyncio' in source:
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
        return 1
    finally:
        for stream in {sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__}:
            try:
                stream.flush()
            except Exception:
                pass


def load(path):
    """Takes up what an earlier interpreter left. Definitions may need values, and values need classes."""
    import pickle
    if not os.path.exists(path):
        return
    with open(path, 'rb') as file:
        sources, names, values, lost = pickle.load(file)
    sys.modules['__main__'] = cell_module
    definitions.update(sources)
    dropped.update(lost)

    def run(keys):
        failed = []
        for key in keys:
            try:
                exec(sources[key], namespace)
            except Exception:
                failed.append(key)
        return failed

    failed = run(sources)
    try:
        namespace.update(pickle.loads(values))
    except Exception:
        dropped.update(dict.fromkeys(names, 'value whose class is not known before it'))
    run(failed)
    for name in set(namespace) - names:
        if not name.startswith('__'):
            del namespace[name]


def save(path):
    """Leaves what can be pickled. Imports, functions and classes are left as their source."""
    import pickle
    names, values = set(), {}
    dropped.clear()
    for name, value in namespace.items():
        if name.startswith('__') or getattr(value, 'is_tool', False):
            continue
        names.add(name)
        if isinstance(value, types.ModuleType):
            continue
        if getattr(value, '__module__', None) == '__main__' and name in definitions:
            continue
        try:
            pickle.dumps(value)
            values[name] = value
        except Exception:
            dropped[name] = type(value).__name__
    with open(path, 'wb') as file:
        # In one piece: two names for one object stay two names for one object.
        pickle.dump((definitions, names, pickle.dumps(values), dict(dropped)), file)


def run_job(path):
    with open(path, encoding='utf-8') as file:
        job = json.load(file)
    known = {}
    for call, reply in job['answered']:
        known.setdefault(json.dumps(call, sort_keys=True), []).append(reply)

    def exchange(calls):
        replies = [known.get(json.dumps(call, sort_keys=True), []) for call in calls]
        missing = [call for call, found in zip(calls, replies) if not found]
        if missing:
            with open(job['calls'], 'w', encoding='utf-8') as file:
                json.dump(missing, file)
            os._exit(0)
        return [found.pop(0) for found in replies]

    if job['state']:
        load(job['state'])
    if job['tools']:
        # The cell may run again: it should draw the same numbers then.
        import random
        random.seed(job['cell'])
    tools.offer(job['tools'], exchange)
    code = run_cell(job['cell'], lone_loop)
    if job['state']:
        save(job['state'])
    for stream in (sys.__stdout__, sys.__stderr__):
        # just-bash ends every output with a line end: this tells where the code's own ends.
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
        send({'calls': calls})
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
