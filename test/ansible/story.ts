// The roles and playbooks of the collection on machines that boot: a coordinator and five nodes, each a throw-away Debian of its own, reached over ssh.
// Prints a line a step. Needs root, mmdebstrap and systemd-nspawn.
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { sampleKey } from '../fixtures/sample-release.ts';
import { modelFor } from '../install/model-relay.ts';
import { doesNotStart, releaseMaker } from '../install/release-maker.ts';
import { bootMachines, type Machine, type Machines } from './machines.ts';
import { mustHold } from './must-hold.ts';
import { serversStory } from './servers-story.ts';
import type { Played, Tools } from './tools.ts';

const root = resolve(import.meta.dirname, '../..');
const nodes = ['alice', 'aria', 'codex', 'lucidia', 'octavia'];

interface Order {
  tools: Tools;
  work: string;
  say: (words: string) => void;
  onEnd: (end: () => unknown) => void;
}
export interface Stage {
  machine(name: string): Machine;
  folder: string;
  /** A playbook of the collection, or the path of one; `expected`: 0 where it should succeed. */
  play(what: string, playbook: string, words?: readonly string[], expected?: number): Promise<Played>;
  /** Further variables of the inventory, by group or host. */
  inventory(more?: Record<string, Record<string, unknown>>): void;
}

export async function machinesStory({ tools, work, say, onEnd }: Order): Promise<void> {
  for (const program of ['mmdebstrap', 'systemd-nspawn', 'ssh'])
    mustHold(spawnSync(program, ['--version']).error === undefined, `${program} is here`, `install ${program}`);
  mustHold(process.getuid?.() === 0, 'root runs this', 'PART="lint sanity modules" needs no root');
  const machines = await bootMachines(work, ['hub', ...nodes], 'trixie');
  onEnd(() => machines.close());
  const folder = join(work, `story-${process.pid}`);
  mkdirSync(folder);
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  const releases = await releasesIn(folder, say);
  const model = await modelFor(machines.here, onEnd);
  const stage = stageOf(tools, machines, folder, { releases, model, package: coordinatorPackage(folder) }, say);
  await joinAll(stage);
  await throughTheInventory(stage, tools);
  await drain(stage);
  await rollouts(stage);
  await backupAndRestore(stage);
  await serversStory(stage);
  await end(stage);
}

async function releasesIn(folder: string, say: (words: string) => void) {
  const key = sampleKey();
  writeFileSync(join(folder, 'fleet.pub'), key.pub);
  const make = await releaseMaker(folder, say);
  return [
    await make('0.1.0', key),
    await make('0.2.0', key),
    await make('0.3.0', key, doesNotStart),
    await make('0.4.0', key),
  ];
}
function coordinatorPackage(folder: string): string {
  const words = ['dist', '--npm', process.env.NPM || 'npm', '--only', 'blackroad-coordinator', '--arch', process.arch];
  const program = ['--disable-warning=ExperimentalWarning', join(root, 'release/src/main.ts')];
  execFileSync(process.execPath, [...program, ...words, '--form', 'deb', '--out', folder], { stdio: 'ignore' });
  const name = readdirSync(folder).find((each) => each.endsWith('.deb'));
  return join(folder, name as string);
}

function stageOf(
  tools: Tools,
  { machines, keyFile }: Machines,
  folder: string,
  given: { releases: string[]; model: string; package: string },
  say: (words: string) => void,
): Stage {
  const machine = (name: string) => machines.find((each) => each.name === name) as Machine;
  const file = join(folder, 'hosts.json');
  /** What ansible said, for whoever wants to read it: the file outlives the machines. */
  const transcript = join(folder, '../transcript.log');
  writeFileSync(transcript, '');
  const inventory: Stage['inventory'] = (more = {}) => {
    const hosts = (names: readonly string[]) =>
      Object.fromEntries(names.map((name) => [name, { ansible_host: machine(name).address, ...more[name] }]));
    const vars = {
      ansible_user: 'root',
      ansible_ssh_private_key_file: keyFile,
      ansible_ssh_common_args: '-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null',
    };
    const coordinator = {
      coordinator_package: given.package,
      coordinator_release_keys: [join(folder, 'fleet.pub')],
      coordinator_releases: given.releases,
      coordinator_settings: { BLACKROAD_ADDRESS: machine('hub').address, BLACKROAD_HEARTBEAT_SECONDS: 1 },
      ...more.coordinator,
    };
    const all = {
      vars,
      children: {
        coordinator: { hosts: hosts(['hub']), vars: coordinator },
        nodes: {
          hosts: hosts(nodes),
          vars: { node_agent_options: { BLACKROAD_OPENAI: given.model, BLACKROAD_OLLAMA: 'none' }, ...more.nodes },
        },
        ...(more.children as object),
      },
    };
    writeFileSync(file, JSON.stringify({ all }));
  };
  inventory();
  return {
    machine,
    folder,
    inventory,
    async play(what, playbook, words = [], expected = 0) {
      const beganMs = performance.now();
      const name = playbook.startsWith('/') ? playbook : `blackroad.fleet.${playbook}`;
      const played = await tools.play([name, '--inventory', file, ...words]);
      appendFileSync(transcript, `### ${what}\n${played.text}\n`);
      mustHold(played.code === expected, what, played.text);
      say(`${what} (${Math.round((performance.now() - beganMs) / 1000)} s)`);
      return played;
    },
  };
}

const changes = ({ recap }: Played) => Object.values(recap).reduce((sum, { changed }) => sum + changed, 0);
const extra = (variables: object) => ['--extra-vars', JSON.stringify(variables)];
const waves = { blackroad_waves: ['1', '20%', '50%', '100%'], blackroad_soak_seconds: 3, blackroad_max_unavailable: 2 };

/** The version that each of these machines runs. */
async function versions({ machine }: Stage, names = nodes): Promise<string> {
  const ask =
    'runuser -u blackroad-node -- fleet-node --version; systemctl is-active --quiet blackroad-node || echo stopped';
  const said = await Promise.all(names.map(async (name) => (await machine(name).run(ask)).text.trim()));
  return said.join(' ');
}

async function joinAll(stage: Stage): Promise<void> {
  stage.inventory({ nodes: { node_agent_version: '0.1.0' }, aria: { node_agent_labels: { ring: 'canary' } } });
  const planned = await stage.play('site.yml in check mode, on bare machines', 'site', ['--check']);
  for (const name of ['hub', ...nodes]) {
    mustHold((planned.recap[name]?.changed ?? 0) > 0, 'check mode says what would change', planned.text);
    const left = await stage
      .machine(name)
      .run('ls -d /etc/blackroad /opt/* /usr/lib/blackroad-coordinator 2>/dev/null');
    mustHold(left.text === '', `check mode changes nothing on ${name}`, left.text);
  }
  const first = await stage.play('site.yml: a coordinator and five nodes', 'site');
  mustHold((await versions(stage)) === '0.1.0 0.1.0 0.1.0 0.1.0 0.1.0', 'five nodes run', first.text);
  const second = await stage.play('site.yml again', 'site');
  mustHold(changes(second) === 0, 'a second run changes nothing', second.text);
  const third = await stage.play('site.yml again, in check mode', 'site', ['--check']);
  mustHold(changes(third) === 0, 'and would change nothing', third.text);
  await stage.machine('alice').run('echo >>/opt/blackroad-node/current/main.mjs');
  const repaired = await stage.play('a damaged node-agent is repaired', 'site', [
    '--limit',
    'hub:alice:localhost',
    ...extra({ node_agent_repair: true }),
  ]);
  mustHold(/was damaged, and installed anew/.test(repaired.text), 'by the installer', repaired.text);
}

async function throughTheInventory({ machine, folder }: Stage, tools: Tools): Promise<void> {
  const file = join(folder, 'fleet.blackroad.yml');
  writeFileSync(file, JSON.stringify({ plugin: 'blackroad.fleet.fleet', compose: { ansible_user: "'root'" } }));
  const secrets = (
    await machine('hub').run('cat /var/lib/blackroad-coordinator/admin.key; cat /var/lib/blackroad-coordinator/ca.pem')
  ).text;
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, secrets.slice(secrets.indexOf('-----BEGIN')));
  const env = {
    BLACKROAD_COORDINATOR: `https://${machine('hub').address}:8401`,
    BLACKROAD_KEY: secrets.split('\n')[0] as string,
    BLACKROAD_CA: caFile,
  };
  const words = [
    'label_ring_canary',
    '--inventory',
    file,
    '--module-name',
    'ansible.builtin.command',
    '--args',
    'hostname',
  ];
  const ssh = ['--private-key', join(folder, '../id_ed25519'), '--ssh-common-args=-o UserKnownHostsFile=/dev/null'];
  const said = await tools.run('ansible', [...words, ...ssh], env);
  mustHold(
    /^aria \| CHANGED \| rc=0 >>\naria$/m.test(said.text),
    'a node is reached by what it told of itself',
    said.text,
  );
}

async function drain(stage: Stage): Promise<void> {
  const spec = { model: ['scripted-3b'], instructions: 'You are here.', placement: { nodes: ['alice', 'aria'] } };
  await agentPlay(stage, { name: 'greeter', spec, wait_ready: true });
  const drained = await stage.play(
    'drain.yml: an agent that no other node takes',
    'drain',
    extra({ blackroad_target: 'alice:aria', blackroad_at_once: 2, blackroad_wait_seconds: 10 }),
    2,
  );
  mustHold(
    /still has greeter, which no other node takes/.test(drained.text),
    'an agent that nobody takes is named',
    drained.text,
  );
  await stage.play(
    'drain.yml: brought back',
    'drain',
    extra({ blackroad_target: 'alice:aria', blackroad_drained: false }),
  );
  await agentPlay(stage, { name: 'greeter', spec: { ...spec, placement: {} }, wait_ready: true });
  const moved = await stage.play('drain.yml: the agent moves off', 'drain', extra({ blackroad_target: 'alice:aria' }));
  mustHold(moved.recap.alice?.changed === 1, 'the node drains', moved.text);
  const again = await stage.play('drain.yml again', 'drain', extra({ blackroad_target: 'alice:aria' }));
  mustHold(changes(again) === 0, 'a second run changes nothing', again.text);
  await stage.play(
    'drain.yml: brought back',
    'drain',
    extra({ blackroad_target: 'alice:aria', blackroad_drained: false }),
  );
}
async function agentPlay({ play, folder }: Stage, agent: { name: string; [field: string]: unknown }): Promise<void> {
  const file = join(folder, 'agent.json');
  writeFileSync(file, JSON.stringify({ agent }));
  await play(`the agent ${agent.name}`, join(root, 'test/ansible/agent.yml'), ['--extra-vars', `@${file}`]);
}

async function rollouts(stage: Stage): Promise<void> {
  stage.inventory();
  const rollout = (what: string, version: string, expected = 0) =>
    stage.play(what, 'rollout', extra({ ...waves, blackroad_version: version }), expected);
  await rollout('rollout.yml: a good version goes through all waves', '0.2.0');
  mustHold((await versions(stage)) === '0.2.0 0.2.0 0.2.0 0.2.0 0.2.0', 'all have it', await versions(stage));
  mustHold(changes(await rollout('rollout.yml again', '0.2.0')) === 0, 'a second run changes nothing', '');

  const bad = await rollout('rollout.yml: a version that does not start is stopped at its first wave', '0.3.0', 2);
  mustHold(
    /rolled-back: the gate update is red: .*0\.3\.0 does not run here/.test(bad.text),
    'with the reason',
    bad.text,
  );
  mustHold((await versions(stage)) === '0.2.0 0.2.0 0.2.0 0.2.0 0.2.0', 'nobody has it', await versions(stage));
  mustHold(!('octavia' in bad.recap) && !('lucidia' in bad.recap), 'nothing else was touched', bad.text);

  // The trap of rescue and always: serial 1, 20 %, 50 %, one bad node, and the last hosts must keep the old release.
  const codex = stage.machine('codex');
  const judge = '! grep -q "\\"version\\": \\"0.4.0\\"" /opt/blackroad-node/current/release.json';
  await codex.run(`printf '%s\\n' '#!/bin/sh' '${judge}' >/usr/local/bin/judge; chmod 755 /usr/local/bin/judge`);
  const dropIn = '/etc/systemd/system/blackroad-node.service.d';
  await codex.run(
    `mkdir -p ${dropIn}; printf '[Service]\\nExecStartPre=/usr/local/bin/judge\\n' >${dropIn}/judge.conf; systemctl daemon-reload`,
  );
  const trap = await rollout('rollout.yml: one bad machine in the second wave', '0.4.0', 2);
  mustHold(trap.recap.codex?.rescued === 1, 'it failed there', trap.text);
  mustHold(/rolled-back: the gate update is red: .*codex/.test(trap.text), 'the playbook says why', trap.text);
  mustHold(
    (await versions(stage)) === '0.2.0 0.2.0 0.2.0 0.2.0 0.2.0',
    'all are back',
    `${await versions(stage)}\n${trap.text}`,
  );
  for (const last of ['lucidia', 'octavia']) {
    const had = await stage
      .machine(last)
      .run('journalctl -u blackroad-node -o cat --no-pager | grep -c 0.4.0; ls /opt/blackroad-node/releases');
    mustHold(!/0\.4\.0/.test(had.text), `${last} never had it`, had.text);
  }
  await codex.run(`rm ${dropIn}/judge.conf; systemctl daemon-reload`);
}

async function backupAndRestore(stage: Stage): Promise<void> {
  const folder = join(stage.folder, 'backups');
  await stage.play('backup.yml', 'backup', extra({ blackroad_backup_folder: folder }));
  const [name] = readdirSync(folder);
  const file = join(folder, name as string);
  mustHold((statSync(file).mode & 0o077) === 0, 'nobody else reads the backup', file);
  await agentPlay(stage, { name: 'greeter', state: 'absent' });
  const refused = await stage.play('restore.yml: a fleet is there', 'restore', extra({ blackroad_backup: file }), 2);
  mustHold(/--replace/.test(refused.text), 'it is not replaced by mistake', refused.text);
  const restored = await stage.play(
    'restore.yml',
    'restore',
    extra({ blackroad_backup: file, blackroad_replace: true }),
  );
  const agents = (await stage.machine('hub').run('BLACKROAD_DATA=/var/lib/blackroad-coordinator fleet agents --json'))
    .text;
  mustHold(/"greeter"/.test(agents), 'the agent is back', `${restored.text}\n${agents}`);
  const after = await stage.play('site.yml after the restore', 'site');
  mustHold(changes(after) === 0, 'the nodes are back, too', after.text);
}

async function end(stage: Stage): Promise<void> {
  await stage.play('uninstall.yml', 'uninstall', extra({ blackroad_target: 'octavia' }));
  const left = await stage
    .machine('octavia')
    .run('ls -d /opt/blackroad-node /var/lib/blackroad-node /usr/local/bin/fleet-node; id blackroad-node');
  mustHold(left.code !== 0 && !/^\//m.test(left.text), 'nothing is left', left.text);
  const listed = (await stage.machine('hub').run('BLACKROAD_DATA=/var/lib/blackroad-coordinator fleet nodes --json'))
    .text;
  mustHold(!/"octavia"/.test(listed), 'the fleet has forgotten it', listed);
  const again = await stage.play('uninstall.yml again', 'uninstall', extra({ blackroad_target: 'octavia' }));
  mustHold(changes(again) === 0, 'a second run changes nothing', again.text);
}
