// What `make ansible-check` runs: lint, the sanity tests of ansible, modules and inventory against a real coordinator, and the roles and playbooks for
// real on booted throw-away Debians. Names of parts as arguments run those alone. What cannot run here is said, and fails.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startFleet } from '../fixtures/processes.ts';
import { mustHold } from './must-hold.ts';
import { machinesStory } from './story.ts';
import { openTools, type Tools } from './tools.ts';

const root = resolve(import.meta.dirname, '../..');
const work = process.env.ANSIBLE_CHECK_DIR || join(root, '.ansible-check');
const ends: (() => unknown)[] = [];
const t = { teardown: (run: () => unknown) => ends.unshift(run) };
const say = (words: string) => process.stdout.write(`  ${words}\n`);

const parts: Record<string, (tools: Tools) => Promise<void>> = {
  async lint(tools) {
    const linted = await tools.run('ansible-lint', ['--offline', '--profile', 'production', '--nocolor']);
    mustHold(linted.code === 0, 'ansible-lint by its production profile', linted.text);
    const folder = mkdtempSync(join(tmpdir(), 'ansible-check-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const built = await tools.run('ansible-galaxy', ['collection', 'build', '--output-path', folder]);
    mustHold(built.code === 0, 'the collection is built', built.text);
  },
  async sanity(tools) {
    const said = await tools.sanity();
    mustHold(said.code === 0, 'the sanity tests of ansible-test', said.text);
  },
  async modules(tools) {
    const fleet = await startFleet(t);
    await fleet.simulate('home', { nodes: 3, profile: 'home' });
    const caFile = join(fleet.folder, 'ca.pem');
    writeFileSync(caFile, fleet.ca);
    const { ca } = JSON.parse(Buffer.from((await fleet.token()).slice(5), 'base64url').toString()) as { ca: string };
    const env = {
      BLACKROAD_COORDINATOR: `https://127.0.0.1:${fleet.tlsPort}`,
      BLACKROAD_KEY: readFileSync(fleet.coordinator.ready.keyFile as string, 'utf8').trim(),
      BLACKROAD_CA_FINGERPRINT: ca,
    };
    const extra = JSON.stringify({ folder: fleet.folder, loopback: fleet.client.url });
    const played = await tools.play([join(root, 'test/ansible/modules.yml'), '--extra-vars', extra], env);
    mustHold(played.code === 0, 'modules against a coordinator', played.text);
    await inventory(tools, fleet.folder, env);
  },
  machines: (tools) => machinesStory({ tools, work, say, onEnd: t.teardown }),
};

async function inventory(tools: Tools, folder: string, env: Record<string, string>): Promise<void> {
  const file = join(folder, 'fleet.blackroad.yml');
  const settings = {
    plugin: 'blackroad.fleet.fleet',
    simulated: true,
    cache: true,
    cache_plugin: 'ansible.builtin.jsonfile',
    cache_connection: join(folder, 'cache'),
    keyed_groups: [{ key: 'blackroad_arch', prefix: 'arch' }],
    compose: { ansible_user: "'pi' if blackroad_class == 'pi' else 'root'" },
    groups: { shut: 'blackroad_cordoned' },
  };
  writeFileSync(file, JSON.stringify(settings));
  const list = async (...words: string[]) => {
    const said = await tools.run('ansible-inventory', ['--inventory', file, '--list', ...words], env);
    mustHold(said.code === 0, 'the inventory is read', said.text);
    // Text from elsewhere is marked, so that it is no template.
    const plain = (_: string, value: unknown) => (value as { __ansible_unsafe?: string })?.__ansible_unsafe ?? value;
    return JSON.parse(said.text, plain) as Record<string, { hosts?: string[] }> & {
      _meta: { hostvars: Record<string, Record<string, unknown>> };
    };
  };
  const first = await list();
  const hosts = Object.keys(first._meta.hostvars);
  mustHold(hosts.includes('alice') && !hosts.includes('aria'), 'a node that was forgotten is no host', hosts.join(' '));
  const groups = ['class_pi', 'site_attic', 'label_ring_canary', 'presence_online', 'health_ok', 'arch_arm64', 'shut'];
  for (const group of groups) mustHold(group in first, `the group ${group}`, Object.keys(first).join(' '));
  const alice = first._meta.hostvars.alice ?? {};
  mustHold(
    alice.ansible_user === 'pi' && alice.blackroad_site === 'attic',
    'variables of a host',
    JSON.stringify(alice),
  );
  writeFileSync(file, JSON.stringify({ ...settings, simulated: false }));
  const real = await list('--flush-cache');
  mustHold(
    Object.keys(real._meta.hostvars).length === 0,
    'simulated nodes are hosts by wish alone',
    JSON.stringify(real),
  );
  const dead = { ...env, BLACKROAD_COORDINATOR: 'https://127.0.0.1:1' };
  const cached = await tools.run('ansible-inventory', ['--inventory', file, '--list'], dead);
  mustHold(cached.code === 0 && !/does not answer/.test(cached.text), 'from the cache nobody is asked', cached.text);
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in parts));
mkdirSync(work, { recursive: true });
try {
  if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: expected some of ${Object.keys(parts).join(', ')}`);
  const tools = openTools(work, say);
  for (const [name, run] of Object.entries(parts)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    const beganMs = performance.now();
    await run(tools);
    say(`${name}: as it should be (${Math.round((performance.now() - beganMs) / 1000)} s)`);
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
for (const end of ends) await end();
process.exit();
