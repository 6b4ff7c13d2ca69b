// The collection of ansible as far as it can be judged without ansible: its files can be read, its lists name what is there, documentation and code of each
// module name the same options, and its choices are those of the protocol. `make ansible-check` goes on from there.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { budgetPeriods, roles as keyRoles, RolloutReport, RolloutRequest } from '@blackroad/protocol';
import t from 'tap';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../..');
const ansible = join(root, 'ansible');
const read = (path: string) => readFileSync(join(ansible, path), 'utf8');
const yamlOf = <T>(path: string) => parse(read(path), { merge: true }) as T;
const namesIn = (folder: string, ending = '') =>
  readdirSync(join(ansible, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, name.length - ending.length))
    .sort();
const modules = namesIn('plugins/modules', '.py');
const roles = namesIn('roles');
const page = readFileSync(join(root, 'docs/ansible.md'), 'utf8');

interface Option {
  type?: string;
  default?: unknown;
  choices?: unknown[];
  options?: Record<string, Option>;
  suboptions?: Record<string, Option>;
}

t.test('each file of YAML can be read, and each link leads somewhere', async (t) => {
  const files = readdirSync(ansible, { recursive: true, encoding: 'utf8' });
  const yaml = files.filter((name) => name.endsWith('.yml'));
  t.ok(yaml.length > 30);
  for (const name of yaml) t.doesNotThrow(() => yamlOf(name), name);
  for (const name of files) t.ok(existsSync(join(ansible, name)), name);
});

t.test('lists name what is there', async (t) => {
  t.same(yamlOf<{ action_groups: { api: string[] } }>('meta/runtime.yml').action_groups.api, modules);
  const { namespace, name, version } = yamlOf<Record<string, string>>('galaxy.yml');
  t.equal(`${namespace}.${name}`, 'blackroad.fleet');
  t.match(page, `blackroad-fleet-${version}.tar.gz`);
  t.match(read('CHANGELOG.md'), `## ${version}`);
  const playbooks = namesIn('playbooks', '.yml').filter((each) => each !== 'fleet');
  for (const each of [...modules, ...roles, ...playbooks]) t.match(page, `\`${each}\``, each);
  for (const each of modules) t.match(read('tests/sanity/ignore-2.19.txt'), `plugins/modules/${each}.py`, each);
});

t.test('defaults and arguments of roles are the same', async (t) => {
  for (const role of roles) {
    const defaults = yamlOf<Record<string, unknown>>(`roles/${role}/defaults/main.yml`);
    const specs = yamlOf<{ argument_specs: { main: { options: Record<string, Option> } } }>(
      `roles/${role}/meta/argument_specs.yml`,
    );
    const { options } = specs.argument_specs.main;
    t.same(Object.keys(defaults).sort(), Object.keys(options).sort(), role);
    for (const [name, { default: value }] of Object.entries(options))
      if (value !== undefined) t.same(defaults[name], value, name);
  }
});

/** What the source of a module says, by Python's own parser. It names the version that ansible's oldest supported controller may have. */
const reader = `
import ast, json, sys
found = {}
for path in sys.argv[1:]:
    tree = ast.parse(open(path, encoding='utf-8').read(), path, feature_version=(3, 9))
    entry = {'documentation': '', 'spec': {}}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == 'DOCUMENTATION':
            entry['documentation'] = ast.literal_eval(node.value)
        if isinstance(node, ast.keyword) and node.arg == 'argument_spec':
            for key, value in zip(node.value.keys, node.value.values):
                if key is None:
                    continue
                pairs = zip(value.keys, value.values) if isinstance(value, ast.Dict) else []
                entry['spec'][key.value] = {
                    k.value: ast.literal_eval(v) for k, v in pairs if k is not None and k.value in ('type', 'default', 'choices') and not isinstance(v, ast.Call)
                }
    found[path] = entry
print(json.dumps(found))
`;
const python = spawnSync('python3', ['--version']).error ? 'python3 is not here, so the modules were not read' : false;

t.test('documentation and code of modules name the same options', { skip: python }, async (t) => {
  const paths = modules.map((name) => join(ansible, 'plugins/modules', `${name}.py`));
  const others = ['plugins/module_utils/api.py', 'plugins/inventory/fleet.py', 'plugins/doc_fragments/api.py'];
  const said = spawnSync('python3', ['-c', reader, ...paths, ...others.map((name) => join(ansible, name))], {
    encoding: 'utf8',
  });
  t.equal(said.status, 0, said.stderr);
  const found = JSON.parse(said.stdout) as Record<string, { documentation: string; spec: Record<string, Option> }>;
  for (const path of paths) {
    const { documentation, spec } = found[path] as (typeof found)[string];
    const { options } = parse(documentation) as { options: Record<string, Option> };
    t.same(Object.keys(options).sort(), Object.keys(spec).sort(), relative(root, path));
    for (const [name, { type, default: value }] of Object.entries(spec)) {
      if (type) t.equal(options[name]?.type, type, `${name}: type`);
      t.same(options[name]?.default, value, `${name}: default`);
    }
  }
  const choices = (module: string, option: string) =>
    (
      parse(found[join(ansible, 'plugins/modules', `${module}.py`)]?.documentation ?? '') as {
        options: Record<string, Option>;
      }
    ).options[option];
  t.same(choices('key', 'role')?.choices, keyRoles);
  t.same(choices('key', 'budget')?.suboptions?.per?.choices, budgetPeriods);
  const { onRed, approval, driver } = RolloutRequest.properties;
  for (const [option, schema] of Object.entries({ on_red: onRed, approval, driver }))
    t.same(choices('rollout', option)?.choices, valuesOf(schema), option);
  t.same(choices('rollout', 'report')?.choices, valuesOf(RolloutReport.properties.state));
});
function valuesOf(schema: object): unknown {
  const { enum: values, anyOf = [] } = schema as { enum?: string[]; anyOf?: { const: string }[] };
  return values ?? anyOf.map((each) => each.const);
}
