/**
 * The part of the driver that carries variables from one interpreter to the next, for a
 * sandbox that cannot keep one. It uses the driver's `namespace`, `definitions` and `dropped`.
 */
export const PYTHON_STATE = `def load(path):
    """Takes up what an earlier interpreter left. Definitions may need values, and values need classes."""
    import importlib
    import io
    import pickle
    if not os.path.exists(path):
        return
    with open_own(path, 'rb') as file:
        sources, modules, names, together, alone, lost = pickle.load(file)
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

    def take_values():
        try:
            namespace.update(pickle.loads(together))
            return
        except Exception:
            pass
        for name, value in alone.items():
            try:
                namespace[name] = pickle.loads(value)
            except Exception:
                dropped[name] = 'value whose class is made by code'

    # What definitions print was printed before.
    sys.stdout, stdout = io.StringIO(), sys.stdout
    try:
        for name, module in modules.items():
            namespace[name] = importlib.import_module(module)
        failed = run(sources)
        take_values()
        if failed:
            run(failed)
            # A decorator may have changed what it registers in.
            take_values()
    finally:
        sys.stdout = stdout
    for name in set(namespace) - names:
        if not is_hidden(name):
            del namespace[name]


def save(path):
    """Leaves what can be pickled. Imports, functions and classes are left as their source."""
    import pickle
    modules, names, values, alone = {}, set(), {}, {}
    dropped.clear()
    for name, value in namespace.items():
        if is_hidden(name) or getattr(value, 'is_tool', False):
            continue
        names.add(name)
        if isinstance(value, types.ModuleType):
            modules[name] = value.__name__
            continue
        is_own = getattr(value, '__module__', None) == '__main__' and getattr(value, '__qualname__', None) == name
        if is_own and name in definitions:
            continue
        # The name means something else now.
        definitions.pop(name, None)
        try:
            alone[name] = pickle.dumps(value)
            values[name] = value
        except Exception:
            dropped[name] = type(value).__name__
    with open_own(path, 'wb') as file:
        # In one piece: two names for one object stay two names for one object. And each alone, should one be unreadable.
        pickle.dump((definitions, modules, names, pickle.dumps(values), alone, dict(dropped)), file)


def is_hidden(name):
    return name.startswith('__') and name.endswith('__')`;
