import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ENTRIES = [
  'index.ts',
  'node/index.ts',
  'batch/index.ts',
  'catalog/index.ts',
  'relay/index.ts',
  'emulator/index.ts',
].map((path) => resolve(root, 'src', path));

/** A declaration as users see it, and the names that it uses. */
interface Declared {
  readonly text: string;
  readonly uses: ReadonlySet<string>;
}

/** What a module declares, and where the names come from that it imports and hands on. */
interface Module {
  readonly declared: Map<string, Declared[]>;
  readonly from: Map<string, { readonly path: string; readonly name: string }>;
}

/**
 * The public types as text: for each entry what it exports, as declarations without
 * comments and bodies, and at the end what these refer to without being exported.
 */
export function publicTypes(): string {
  const modules = declarations();
  const isExported = new Set<string>();
  const reached = new Map<string, readonly Declared[]>();
  const reach = (path: string, name: string): void => {
    const found = find(modules, path, name);
    if (!found || reached.has(found.key)) return;
    reached.set(found.key, found.declared);
    for (const { uses } of found.declared) for (const used of uses) reach(found.path, used);
  };
  const sections = ENTRIES.map((path) => {
    const names = [...(modules.get(path)?.from.keys() ?? [])].sort();
    const texts = names.map((name) => {
      const found = find(modules, path, name);
      if (!found) throw new Error(`${name} of ${path} has no declaration`);
      isExported.add(found.key);
      reach(path, name);
      return textOf(found.declared);
    });
    return `// ${relative(root, path)}\n\n${texts.join('\n')}`;
  });
  const others = [...reached]
    .filter(([key]) => !isExported.has(key))
    .map(([, declared]) => textOf(declared))
    .sort();
  return `${sections.join('\n\n')}\n\n// not exported, and part of a type above\n\n${others.join('\n')}\n`;
}

const textOf = (declared: readonly Declared[]) => declared.map(({ text }) => text).join('\n');

function find(modules: ReadonlyMap<string, Module>, path: string, name: string) {
  for (let at = { path, name }; ; ) {
    const module = modules.get(at.path);
    const declared = module?.declared.get(at.name);
    if (declared) return { path: at.path, key: `${at.path} ${at.name}`, declared };
    const next = module?.from.get(at.name);
    if (!next) return undefined;
    at = next;
  }
}

/** The declaration files of all sources, read by name. */
function declarations(): ReadonlyMap<string, Module> {
  const config = ts.readConfigFile(resolve(root, 'tsconfig.json'), ts.sys.readFile).config.compilerOptions;
  const { options } = ts.convertCompilerOptionsFromJson(
    {
      ...config,
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      stripInternal: true,
      removeComments: true,
    },
    root,
  );
  const modules = new Map<string, Module>();
  ts.createProgram(ENTRIES, options).emit(undefined, (path, text) => {
    const source = path.replace(/\.d\.ts$/, '.ts');
    modules.set(source, read(source, text));
  });
  return modules;
}

function read(path: string, text: string): Module {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const module: Module = { declared: new Map(), from: new Map() };
  const comesFrom = (specifier: ts.Expression | undefined, name: string, original = name) => {
    if (specifier && ts.isStringLiteral(specifier) && specifier.text.startsWith('.')) {
      module.from.set(name, { path: resolve(dirname(path), specifier.text), name: original });
    }
  };
  for (const statement of file.statements) {
    if (ts.isImportDeclaration(statement)) {
      const bindings = statement.importClause?.namedBindings;
      if (bindings && ts.isNamedImports(bindings)) {
        for (const one of bindings.elements)
          comesFrom(statement.moduleSpecifier, one.name.text, one.propertyName?.text);
      }
    } else if (ts.isExportDeclaration(statement)) {
      const { exportClause } = statement;
      if (!exportClause || !ts.isNamedExports(exportClause)) continue;
      for (const one of exportClause.elements)
        comesFrom(statement.moduleSpecifier, one.name.text, one.propertyName?.text);
    } else {
      for (const name of namesOf(statement)) {
        const uses = new Set<string>();
        const walk = (node: ts.Node): void => {
          if (ts.isIdentifier(node)) uses.add(node.text);
          ts.forEachChild(node, walk);
        };
        walk(statement);
        const one = { text: statement.getText(file).replace(/^export (declare )?/, ''), uses };
        module.declared.set(name, [...(module.declared.get(name) ?? []), one]);
      }
    }
  }
  return module;
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  }
  const { name } = statement as ts.Statement & { readonly name?: ts.Identifier };
  return name ? [name.text] : [];
}
