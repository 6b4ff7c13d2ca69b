// Who may import whom, and which file alone may read the clock, chance, timers or the environment. Each refusal says why.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import t from 'tap';

const root = resolve(import.meta.dirname, '..');

interface Source {
  path: string;
  text: string;
  imports: string[];
  test: boolean;
}

function sources(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.includes('node_modules') && !name.includes('dist/'))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(root, path), 'utf8');
      const imports = [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, target]) =>
        (target as string).startsWith('.')
          ? relative(root, resolve(root, path, '..', target as string))
          : (target as string),
      );
      return {
        path,
        text,
        imports,
        test: path.endsWith('.test.ts'),
      };
    });
}
const all = [
  'protocol/src',
  'std/src',
  'model-server/src',
  'coordinator/src',
  'coordinator/cli/src',
  'node-agent/src',
  'release/src',
  'balena/src',
  'node-red/src',
  'images/first-boot',
  'images/ollama',
  'images/src',
  'vscode/src',
].flatMap(sources);
const product = all.filter(({ test }) => !test);
const console = sources('coordinator/console').filter(({ test }) => !test);

/** Imports of type `type` do not run: they tie nothing together at run time. */
function valueImports(source: Source): string[] {
  const types = [...source.text.matchAll(/import type [^;]*?from\s*'([^']+)'/g)].map(([, target]) => target as string);
  const resolved = new Set(
    types.map((target) => (target.startsWith('.') ? relative(root, resolve(root, source.path, '..', target)) : target)),
  );
  return source.imports.filter((target) => !resolved.has(target));
}

function forbid(name: string, why: string, broken: string[]) {
  t.test(name, async (t) => {
    t.same(broken, [], why);
  });
}
const under = (path: string, ...folders: string[]) => folders.some((folder) => path.startsWith(`${folder}/`));
const inside = (...folders: string[]) => product.filter(({ path }) => under(path, ...folders));
const pairs = (
  found: Source[],
  isBad: (target: string, source: Source) => boolean,
  targets = (source: Source) => source.imports,
) =>
  found.flatMap((source) =>
    targets(source)
      .filter((target) => isBad(target, source))
      .map((target) => `${source.path} -> ${target}`),
  );

forbid(
  'protocol and std import nothing of ours',
  'two processes agree on protocol; it must not drag one of them in',
  pairs(
    inside('protocol/src', 'std/src'),
    (target, { path }) =>
      target.startsWith('@blackroad/') ||
      (!under(target, 'protocol/src', 'std/src') && /^(coordinator|node-agent)\//.test(target)) ||
      (path.startsWith('protocol/') && target.startsWith('std/')),
  ),
);

const pure = ['state', 'budgets', 'fleet', 'placement', 'rollouts', 'tasks', 'memory', 'history'].map(
  (folder) => `coordinator/src/${folder}`,
);
const pureStd = new Set(['@blackroad/std/invariant', '@blackroad/std/backoff', '@blackroad/std/pace']);
forbid(
  'pure folders stay pure',
  'decisions are replayed by the simulator: they know no I/O, no clock, no chance and no log',
  pairs(
    inside(...pure),
    (target) => target.startsWith('node:') || (target.startsWith('@blackroad/std/') && !pureStd.has(target)),
    valueImports,
  ),
);
forbid(
  'pure folders wait for nothing',
  'a decision is a function of the view, the input and the time it is given',
  inside(...pure)
    .filter(({ text }) => /^\s*(export )?async |\bawait\b/m.test(text.replace(/\/\/.*$/gm, '')))
    .map(({ path }) => path),
);

forbid(
  'what only saves work is called by the planning of placement alone',
  'nouns, rules and reasons of placement are read without knowing how a plan is made fast',
  pairs(
    inside('coordinator/src').filter(({ path }) => !/placement\/(plan|speed)\/|\/drivers\//.test(path)),
    (target) => target.startsWith('coordinator/src/placement/speed/'),
    valueImports,
  ),
);

/** What runs in a folder may call its own folder, the pure ones, and these; the files beside the folders tie them together. */
const calls: Record<string, Record<string, string[]>> = {
  'coordinator/src': {
    state: [],
    budgets: [],
    fleet: [],
    placement: [],
    rollouts: [],
    tasks: [],
    memory: [],
    history: [],
    vectors: [],
    'vector-stores': [],
    store: ['vectors', 'vector-stores'],
    backup: ['store'],
    proofs: ['ca'],
    balena: [],
    upgrade: ['backup', 'store'],
    ca: [],
    door: [],
    bus: ['door'],
    live: [],
    drivers: [],
    'home-assistant': ['door', 'live'],
    triggers: ['door'],
    webhooks: [],
    direct: ['door'],
    road: ['drivers', 'door', 'live', 'direct'],
    gateway: [],
    'model-cache': ['door'],
    batches: ['gateway'],
    documents: [],
    embedder: [],
    objects: [],
    releases: [],
    mcp: [],
    http: ['batches', 'documents', 'door', 'drivers', 'live', 'gateway', 'objects', 'proofs', 'releases'],
    api: ['http', 'batches', 'door', 'drivers', 'live', 'gateway', 'mcp', 'releases'],
  },
  'node-agent/src': {
    files: [],
    identity: [],
    cache: ['identity'],
    probes: [],
    // Sensors and sysfs are text files below one root, as those of the probes; the list of pins is a file of the owner.
    gpio: ['files', 'probes'],
    hardware: [],
    schemas: [],
    transport: ['files', 'identity'],
    memory: ['files'],
    install: [],
    weights: ['probes'],
    runtimes: ['weights'],
    models: ['files', 'runtimes'],
    mcp: ['files'],
    agents: ['memory', 'runtimes'],
    tasks: ['agents'],
    requests: ['identity', 'models', 'runtimes'],
    assignment: ['files'],
    reports: ['models'],
    'os-update': [],
    update: ['install', 'weights'],
    loop: ['assignment', 'reports', 'requests', 'runtimes', 'tasks', 'transport'],
  },
};
for (const [home, table] of Object.entries(calls)) {
  const folderOf = (path: string) =>
    under(path, home) ? /^([^/]+)\//.exec(path.slice(home.length + 1))?.[1] : undefined;
  forbid(
    `a folder of ${home} calls only those that it is told to`,
    'a decision must not reach I/O, the loop works on interfaces so that the simulator can stand in, and no backend knows another; types may be shared',
    pairs(
      inside(home),
      (target, { path }) => {
        const [from, to] = [folderOf(path), folderOf(target)];
        if (from === undefined || to === undefined || from === to) return false;
        return !pure.includes(`${home}/${to}`) && !table[from]?.includes(to);
      },
      valueImports,
    ),
  );
  t.test(`the table of who calls whom in ${home} names the folders that there are`, async (t) => {
    const folders = new Set(inside(home).map(({ path }) => folderOf(path)));
    folders.delete(undefined);
    t.same([...folders].sort(), Object.keys(table).sort());
  });
}
forbid(
  'node-agent and cli never import the coordinator',
  'they are other processes, often on other machines: the protocol is all they share',
  pairs(inside('node-agent/src', 'coordinator/cli/src'), (target, { path }) =>
    path.startsWith('node-agent/')
      ? target.startsWith('coordinator/')
      : /^(coordinator\/src|node-agent)\//.test(target) || target === '@blackroad/coordinator',
  ),
);
forbid(
  'the balena workspace is a process of its own',
  'it is installed where it is wanted alone: the coordinator starts without it, and of the coordinator it knows the types of their wire',
  [
    ...pairs(inside('balena/src'), (target) => /^(coordinator|node-agent)\//.test(target), valueImports),
    ...pairs(
      product,
      (target, { path }) => !under(path, 'balena/src') && (target === 'balena-sdk' || under(target, 'balena/src')),
    ),
  ],
);
forbid(
  'the nodes for Node-RED know the wire and std alone',
  'they are a package of their own, in a process of somebody else: of the protocol they know types, which leave nothing in the bundle',
  [
    ...pairs(inside('node-red/src'), (target) => /^(coordinator|node-agent|protocol)\//.test(target)),
    ...pairs(inside('node-red/src'), (target) => target.startsWith('@blackroad/protocol'), valueImports),
  ],
);
forbid(
  'the console imports neither the coordinator nor the CLI',
  'it is a client like the CLI: what both need is in protocol or std',
  pairs(
    console,
    (target) =>
      (/^(coordinator|node-agent)\//.test(target) && !under(target, 'coordinator/console')) ||
      /^@blackroad\/(?!protocol|std)/.test(target),
  ),
);
forbid(
  'the extension of the editor is a client, and its logic knows no editor',
  'what it shares with the command is how to ask; all that is not drawn is tested without an editor',
  [
    ...pairs(
      inside('vscode/src'),
      (target) =>
        /^(coordinator\/(src|console)|node-agent)\//.test(target) || target.startsWith('@blackroad/coordinator'),
    ),
    ...pairs(
      product,
      (target, { path }) =>
        target === 'vscode' && !under(path, 'vscode/src/editor') && path !== 'vscode/src/extension.ts',
    ),
    ...pairs(product, (target, { path }) => under(target, 'vscode') && !under(path, 'vscode/src')),
  ],
);
forbid(
  'the product imports nothing of test/',
  'what only tests need is under test/; a product that needed it would ship it',
  pairs([...product, ...console], (target) => under(target, 'test') || target.endsWith('.test.ts')),
);
/** Where a process, a bundle or a generator begins. */
const entries = [
  'coordinator/src/main.ts',
  'coordinator/src/vectors/scan-thread.ts',
  'std/src/vectors/kernel/build.ts',
  'coordinator/src/model-cache/process.ts',
  'coordinator/src/bus/people/process.ts',
  'coordinator/src/backup/process.ts',
  'coordinator/src/documents/process.ts',
  'coordinator/cli/src/main.ts',
  'node-agent/src/main.ts',
  'model-server/src/llama/llama-child.ts',
  'node-agent/src/hardware/look-child.ts',
  // In place of TypeBox in a bundle, by the names of these files.
  'node-agent/src/schemas/plain.ts',
  'node-agent/src/schemas/check.ts',
  'protocol/src/generate/write.ts',
  'release/src/main.ts',
  'balena/src/process.ts',
  'node-red/src/main.ts',
  'images/src/bundle.ts',
  'images/first-boot/src/main.ts',
  'images/ollama/src/main.ts',
  'images/src/main.ts',
  'vscode/src/extension.ts',
  'vscode/src/bridge.ts',
];
/** What `@blackroad/protocol/cron` is a name for, by package.json. */
const exported = ['protocol', 'std', 'model-server'].flatMap((folder) => {
  const { name, exports } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  return Object.entries<string>(exports).map(([key, file]) => ({ name: join(name, key), file: join(folder, file) }));
});
function fileOf(target: string): string {
  for (const { name, file } of exported) {
    const [before = '', after] = name.split('*');
    if (target === name) return file;
    if (after !== undefined && target.startsWith(before)) return file.replace('*', target.slice(before.length));
  }
  return target;
}
t.test('every file of the product is reached from an entry point', async (t) => {
  const files = new Map([...product, ...console].map((source) => [source.path, source]));
  const reached = new Set<string>();
  const left = [...entries, ...console.map(({ path }) => path)];
  for (let path = left.pop(); path; path = left.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    left.push(...(files.get(path)?.imports.map(fileOf) ?? []));
  }
  t.same(
    [...files.keys()].filter((path) => !reached.has(path)),
    [],
    'what only tests import belongs under test/',
  );
  t.same(
    entries.filter((path) => !files.has(path)),
    [],
    'an entry point exists',
  );
});
forbid(
  'nothing is exported on from another file',
  'whoever reads an import finds in that very file what it names; protocol is one package to the outside, by its index',
  [...product, ...console]
    .filter(({ path }) => path !== 'protocol/src/index.ts')
    .flatMap(({ path, text }) =>
      [...text.matchAll(/^export (?:type )?(?:\*|\{[^}]*\})[^;]*? from '(\.[^']+)'/gm)].map(
        ([, target]) => `${path} -> ${target}`,
      ),
    ),
);

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
/** `file name`: what a file takes from another; `file *` where it takes all of it. */
function taken({ path, text }: Source): string[] {
  const code = withoutComments(text);
  const fileAt = (target: string) =>
    fileOf(target.startsWith('.') ? relative(root, resolve(root, path, '..', target)) : target);
  const named = [...code.matchAll(/\b(?:import|export)\s+(?:type\s+)?([\w\s,{}*]+?)\s+from\s+'([^']+)'/g)].flatMap(
    ([, clause = '', target = '']) => {
      const file = fileAt(target);
      const names = /\{([^}]*)\}/.exec(clause)?.[1]?.split(',') ?? [];
      const all = clause.startsWith('*') && path !== 'protocol/src/index.ts' ? [`${file} *`] : [];
      return [
        ...all,
        ...names.map(
          (each) =>
            `${file} ${
              each
                .trim()
                .replace(/^type\s+/, '')
                .split(/\s/)[0]
            }`,
        ),
      ];
    },
  );
  const whole = [...code.matchAll(/\bimport\('([^']+)'\)/g)].map(([, target = '']) => `${fileAt(target)} *`);
  return [...named, ...whole];
}
/** Their names stand in an object of the build, which gives these files in place of a library or finds them by their names; the editor calls `activate`. */
const readByTheBuild =
  /^node-agent\/src\/schemas\/(plain|check)\.ts$|^vscode\/src\/extension\.ts$|\/adopted-style\.ts$|\.(route\.ts|stories\.tsx)$/;
t.test('an export has a reader, and the product one of its own', async (t) => {
  const left = [...sources('test'), ...sources('node-agent').filter(({ path }) => !path.startsWith('node-agent/src/'))];
  const shipped = new Set([...product, ...console].flatMap(taken));
  const anywhere = new Set([...shipped, ...[...all, ...sources('coordinator/console'), ...left].flatMap(taken)]);
  const unread: string[] = [];
  const forTests: string[] = [];
  for (const { path, text } of [...product, ...console]) {
    if (readByTheBuild.test(path)) continue;
    const code = withoutComments(text);
    const kinds = '(?:async )?(?:const|let|function\\*?|class|interface|type)';
    for (const [, name = ''] of code.matchAll(new RegExp(`^export ${kinds} (\\w+)`, 'gm'))) {
      const isIn = (names: ReadonlySet<string>) =>
        [`${path} ${name}`, `${path} *`].some((each) => names.has(each)) ||
        (path.startsWith('protocol/src/') && names.has(`protocol/src/index.ts ${name}`));
      if (!isIn(anywhere)) unread.push(`${path} ${name}`);
      const uses = code.match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0;
      if (!isIn(shipped) && uses === 1) forTests.push(`${path} ${name}`);
    }
  }
  t.same(unread, [], 'what its own file alone reads is not exported; what nobody reads goes');
  t.same(forTests, [], 'what only tests read stands under test/, or goes');
});
forbid(
  'no index.ts but that of protocol',
  'an index inside a package hides who uses what',
  all.filter(({ path }) => path.endsWith('/index.ts') && path !== 'protocol/src/index.ts').map(({ path }) => path),
);
forbid(
  'names have an idea',
  'a file called manager, service, helper, utils, common, base, impl or processor has no idea of its own',
  all
    .filter(({ path }) => /(^|[/-])(manager|service|helper|utils?|common|base|impl|processor)s?\.ts$/.test(path))
    .map(({ path }) => path),
);

const single: { what: string; pattern: RegExp; files: RegExp; why: string }[] = [
  {
    what: 'Date.now and performance.now',
    pattern: /\bDate\.now\(|\bperformance\.now\(/,
    files: /^std\/src\/clock\.ts$/,
    why: 'time is given by a Clock, so that the simulator owns it',
  },
  {
    what: 'Math.random and randomBytes',
    pattern: /\bMath\.random\(|\brandomBytes\(|\brandomUUID\(/,
    files: /^std\/src\/random\.ts$/,
    why: 'chance is given by a Random, so that a seed replays',
  },
  {
    what: 'timers',
    pattern: /(?<![.\w])(setTimeout|setInterval)\(/,
    files: /^std\/src\/clock\.ts$/,
    why: 'timers belong to the Clock, so that the simulator owns them',
  },
  {
    what: 'process.env',
    pattern: /\bprocess\.env\b/,
    files: /^((coordinator\/(src|cli\/src)|node-agent\/src|release\/src|images\/src)\/main|vscode\/src\/bridge)\.ts$/,
    why: 'configuration is read once; modules receive values',
  },
];
for (const { what, pattern, files, why } of single) {
  forbid(
    `${what} in one place`,
    why,
    product
      .filter(({ path, text }) => !files.test(path) && pattern.test(text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')))
      .map(({ path }) => path),
  );
}

t.test('no cycles of values', async (t) => {
  const graph = new Map(
    product.map((source) => [source.path, valueImports(source).filter((target) => target.endsWith('.ts'))]),
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (path: string, trail: string[]) => {
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      return;
    }
    if (done.has(path)) return;
    for (const target of graph.get(path) ?? []) walk(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  t.same(cycles, [], 'files that import each other cannot be read one at a time');
});

forbid(
  'a doc comment stands over what it is about',
  'a formatter, or a line put in between, parts a comment from its declaration: it then says something untrue of another',
  [...product, ...console].flatMap(({ path, text }) => {
    const overNothing = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/[ \t]*\n[ \t]*(?=\n|\/\*\*|[})\]])/g;
    const withinALine = /^[ \t]*(?!\/\*\*|\*)\S.*\/\*\*.*\*\//gm;
    return [overNothing, withinALine].flatMap((pattern) =>
      [...text.matchAll(pattern)].map(([found]) => `${path}: ${found.trim()}`),
    );
  }),
);

/** How many there are. Each may only become fewer: whoever mends one writes the smaller figure here. */
const long = { files: 0, functions: 16 };
t.test(`files of over 400 lines, functions of over 70: ${long.files} and ${long.functions}, never more`, async (t) => {
  const shipped = [...product, ...console];
  const files = shipped.filter(({ text }) => text.split('\n').length > 401).map(({ path }) => path);
  const rules = join(root, 'test/contract/long-functions.json');
  const folders = [
    'protocol/src',
    'std/src',
    'model-server',
    'coordinator',
    'node-agent',
    'node-red',
    'release',
    'images',
    'vscode',
  ];
  const { stdout, stderr } = spawnSync(
    join(root, 'node_modules/.bin/biome'),
    ['lint', `--config-path=${rules}`, '--max-diagnostics=none', '--reporter=json', ...folders],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  t.match(stdout, /"diagnostics"/, stderr);
  const found: { category: string; location: { path: string; start: { line: number } } }[] =
    JSON.parse(stdout).diagnostics;
  const paths = new Set(shipped.map(({ path }) => path));
  const functions = found
    .filter(({ category, location }) => category.endsWith('/noExcessiveLinesPerFunction') && paths.has(location.path))
    .map(({ location }) => `${location.path}:${location.start.line}`);
  t.equal(files.length, long.files, files.join('\n'));
  t.equal(functions.length, long.functions, functions.join('\n'));
});

t.test('every source file opens with what it owns', async (t) => {
  const bare = product.filter(({ text }) => !/^(#!.*\n)?(\/\/|\/\*)/.test(text)).map(({ path }) => path);
  t.same(bare, [], 'a stranger reads the first lines first');
});

/** Files that reach each other by what they import, types included: none of them can be read, or moved, alone. */
function cycles(found: Source[]): string[] {
  const targets = new Map(found.map(({ path, imports }) => [path, imports]));
  const numbers = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const rings: string[] = [];
  const visit = (path: string): void => {
    numbers.set(path, numbers.size);
    lowest.set(path, numbers.get(path)!);
    open.push(path);
    for (const target of targets.get(path) ?? []) {
      if (!targets.has(target)) continue;
      if (!numbers.has(target)) visit(target);
      if (open.includes(target)) lowest.set(path, Math.min(lowest.get(path)!, lowest.get(target)!));
    }
    if (lowest.get(path) !== numbers.get(path)) return;
    const ring = open.splice(open.indexOf(path));
    if (ring.length > 1) rings.push(ring.sort().join(', '));
  };
  for (const path of targets.keys()) if (!numbers.has(path)) visit(path);
  return rings;
}
forbid(
  'nothing in the coordinator or the node-agent imports itself, by whatever way round',
  'a type that two files need belongs into one that neither of them is',
  cycles(inside('coordinator/src', 'node-agent/src')),
);
t.test('a ring is found', async (t) => {
  const source = (path: string, ...imports: string[]): Source => ({ path, text: '', imports, test: false });
  t.same(cycles([source('a', 'b'), source('b', 'c'), source('c')]), []);
  t.same(cycles([source('a', 'b'), source('b', 'a', 'd'), source('c', 'a'), source('d')]), ['a, b']);
  t.same(
    cycles([source('a', 'b'), source('b', 'c'), source('c', 'a', 'x'), source('x', 'y'), source('y', 'x')]).sort(),
    ['a, b, c', 'x, y'],
  );
});

t.test('a test asks for a program where CI says which it installs', async (t) => {
  const tests = [
    ...all.filter(({ test }) => test),
    ...sources('test').filter(({ path }) => path !== 'test/architecture.test.ts'),
  ];
  for (const { path, text } of tests)
    if (path !== 'test/fixtures/programs.ts')
      t.notMatch(
        text,
        /is not installed['`"](?! \()/,
        `${path}: noProgram of test/fixtures/programs.ts gives the reason`,
      );
});

/** The arguments of a call whose bracket was opened before `start`. */
function argumentsAt(text: string, start: number): string[] {
  const found: string[] = [];
  let from = start;
  for (let at = start, depth = 1; at < text.length; at++) {
    const letter = text[at] as string;
    const isQuote = `'"\``.includes(letter) || (letter === '/' && /[(,:[] ?$/.test(text.slice(at - 2, at)));
    if (isQuote) for (at++; at < text.length && text[at] !== letter; at++) if (text[at] === '\\') at++;
    if ('([{'.includes(letter)) depth++;
    if (')]}'.includes(letter)) depth--;
    if (depth === 0 || (depth === 1 && letter === ',')) {
      found.push(text.slice(from, at).trim());
      from = at + 1;
    }
    if (depth === 0) break;
  }
  return found;
}
t.test('a pattern says of an empty list that its length is 0: an empty pattern fits every list', async (t) => {
  t.same(argumentsAt("f(a, { b: [] }, /[)]/, ')') + g()", 2), ['a', '{ b: [] }', '/[)]/', "')'"]);
  const tests = [...all, ...sources('coordinator/console'), ...sources('test')].filter(
    ({ path, test }) => (test || path.startsWith('test/')) && path !== 'test/architecture.test.ts',
  );
  for (const { path, text } of tests) {
    const patterns = [...text.matchAll(/\bt\.match\(/g)].map(
      ({ 0: { length }, index }) => argumentsAt(text, index + length)[1],
    );
    const empty = patterns.filter(
      (pattern) => pattern !== undefined && /(?:^|[:,[] ?)\[\](?=[ ,}\n\]]|$)/.test(pattern),
    );
    t.same(empty, [], `${path}: { length: 0 } in a pattern, or t.same`);
  }
});
