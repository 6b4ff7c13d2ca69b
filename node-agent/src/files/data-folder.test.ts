// Every file of the data folder, damaged in every way that a power cut or a person can damage it: the node starts, reports the damage and
// keeps the damaged file; a folder in place of a file is reported in one sentence.
import { execFile } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentSpec, withDefaults } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import Database from 'better-sqlite3';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { createThrowawayCa } from '../../../test/fixtures/node-agent/throwaway-ca.ts';
import { openAssignmentStore } from '../assignment/assignment-store.ts';
import { composeNode } from '../compose.ts';
import { saveIdentity } from '../identity/identity.ts';
import { simulatedProbes } from '../probes/simulated.ts';
import { createSimulated } from '../runtimes/simulated.ts';
import { dataFiles } from './data-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'fleet-data-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const speed = { model: 'small', prefillTps: 9, decodeTps: 9, loadMs: 9, samples: 9 };
const authority = await createThrowawayCa();
const identity = {
  node: 'alice',
  ...(await authority.client('alice')),
  ca: authority.pem,
  caFingerprint: authority.fingerprint,
  issuedMs: 0,
  expiresMs: 4e12,
  url: 'https://127.0.0.1:9',
  mqtt: { host: '127.0.0.1', port: 9 },
  class: 'pi',
  site: 'home',
};

function compose(dir: string) {
  const clock = new HandClock();
  const random = seededRandom(7);
  return composeNode({
    identity: () => identity,
    machine: { hardware: 'f'.repeat(64), machine: 'e'.repeat(64), isWeak: false },
    version: '0',
    simulated: true,
    notes: [],
    places: null,
    defaults: null,
    probes: simulatedProbes({ profile: 'pi5', seed: 1, clock, random }),
    lookAtHardware: null,
    runtimes: [
      createSimulated({ models: [{ name: 'small', kind: 'chat', resident: true }], decodeTps: 10, clock, random }),
    ],
    dir,
    dial: () => Promise.reject(new Error('nobody is there')),
    queue: 4,
    keepaliveS: 20,
    clock,
    random,
    log: silentLog,
    onFarewell: () => {},
  });
}
/** The data folder of a node that ran two hundred agents. */
async function used(): Promise<string> {
  const dir = join(folder, 'used');
  mkdirSync(dir);
  saveIdentity(dir, identity);
  const store = openAssignmentStore(join(dir, 'assignment.sqlite'), { nowMs: 0, onDamage: (text) => t.fail(text) });
  const put = Array.from({ length: 200 }, (_, i) => {
    const spec = withDefaults<AgentSpec>(AgentSpec, { name: `a${i}`, model: ['auto'], instructions: 'x'.repeat(500) });
    return { spec, version: 1, epoch: 1, model: 'small', memory: { baseSeq: 0, baseHash: 'genesis', from: null } };
  });
  store.applyDelta({ from: 0, to: 9, put, remove: [] });
  store.close();
  const node = compose(dir);
  await node.start();
  t.equal(node.agents.size, 200);
  await node.stop();
  writeFileSync(join(dir, 'learned.json'), JSON.stringify({ speeds: Array(9).fill(speed), peaks: [] }));
  const fetched = Array.from({ length: 9 }, (_, i) => ({ model: `fetched:${i}`, use: i, usedMs: i }));
  writeFileSync(join(dir, 'kept.json'), JSON.stringify({ fetched, pins: [] }));
  const index = new Database(join(dir, 'index.db'));
  index.exec('CREATE TABLE IF NOT EXISTS items (id)');
  index.close();
  return dir;
}
const pristine = await used();
let folders = 0;
function copy(): string {
  const dir = join(folder, String(++folders));
  cpSync(pristine, dir, { recursive: true });
  return dir;
}

const damages: Record<string, (path: string) => void> = {
  'random bytes': (path) => writeFileSync(path, randomFillSync(Buffer.alloc(8192))),
  'random bytes behind a good header': (path) => {
    const bytes = readFileSync(path);
    randomFillSync(bytes, Math.min(100, bytes.length - 1));
    writeFileSync(path, bytes);
  },
  'cut in the middle': (path) => truncateSync(path, Math.ceil(statSync(path).size / 2)),
  'cut after its header': (path) => truncateSync(path, Math.min(100, statSync(path).size)),
  empty: (path) => truncateSync(path, 0),
};
for (const [how, damage] of Object.entries(damages)) {
  for (const name of dataFiles) {
    t.test(`${name}: ${how}`, async (t) => {
      const dir = copy();
      damage(join(dir, name));
      const node = compose(dir);
      await node.start();
      t.equal(node.agents.size, name === 'assignment.sqlite' ? 0 : 200, 'who is still known runs');
      await node.stop();
      const aside = readdirSync(dir).filter((file) => file.startsWith(`${name}.damaged-`));
      const isFresh = how === 'empty' && !name.endsWith('.json');
      // The index is rebuilt from the journal: a damaged one is of no use to a person.
      t.equal(aside.length > 0, !isFresh && name !== 'index.db', `set aside: ${aside}`);
      const outbox = new Database(join(dir, 'outbox.sqlite'), { readonly: true });
      const said = outbox.prepare("SELECT payload FROM outbox WHERE topic LIKE '%file-damaged%'").pluck().all();
      outbox.close();
      t.equal(said.length, aside.length > 0 ? 1 : 0, 'and said');
      const problem = new RegExp(`${name} was damaged .* set aside as .*${aside[0]}; `);
      if (said[0]) t.match(JSON.parse(said[0] as string), { severity: 'error', text: problem, data: { problem } });
      const again = compose(dir);
      await again.start();
      await again.stop();
      t.equal(readdirSync(dir).filter((file) => file.startsWith(`${name}.damaged-`)).length, aside.length, 'once');
    });
  }
}

t.test('rows that are no agents, in a file whose pages are whole', async (t) => {
  for (const change of [
    "UPDATE assigned SET value = '{\"spec\":' WHERE agent = 'a7'",
    "UPDATE assigned SET value = '{\"spec\":{}}' WHERE agent = 'a7'",
    "UPDATE generation SET value = 'many'",
    'UPDATE generation SET value = -4',
  ]) {
    const dir = copy();
    const db = new Database(join(dir, 'assignment.sqlite'));
    db.exec(change);
    db.close();
    const node = compose(dir);
    await node.start();
    t.equal(node.agents.size, 0, change);
    await node.stop();
  }
});

t.test('a folder in place of a file: one sentence, and an exit code', async (t) => {
  for (const name of [...dataFiles, 'outbox.sqlite-wal']) {
    const dir = copy();
    rmSync(join(dir, name), { force: true });
    mkdirSync(join(dir, name));
    t.throws(() => compose(dir), {
      code: 'storage-failed',
      message: `${join(dir, name)} is a folder, and the node-agent keeps a file there. Move the folder away and start again.`,
    });
  }
});

t.test('the process ends with code 1 and one line, without a stack', async (t) => {
  const run = (dir: string) =>
    new Promise<{ code: unknown; stderr: string }>((resolve) => {
      const main = join(import.meta.dirname, '../main.ts');
      const args = [
        '--disable-warning=ExperimentalWarning',
        main,
        'run',
        '--data',
        dir,
        '--ollama',
        'none',
        '--log',
        'error',
      ];
      execFile(process.execPath, args, { timeout: 60_000 }, (error, _, stderr) =>
        resolve({ code: error?.code, stderr }),
      );
    });
  const blocked = copy();
  rmSync(join(blocked, 'journal.db'));
  mkdirSync(join(blocked, 'journal.db'));
  const nobody = copy();
  for (const name of readdirSync(nobody)) if (name.startsWith('identity')) rmSync(join(nobody, name));
  mkdirSync(join(nobody, 'identity.json'));
  for (const [dir, text] of [
    [blocked, /^fleet-node: .*journal\.db is a folder.*\n$/],
    [nobody, /^fleet-node: The identity in .* is damaged .*Join again with a fresh token.*\n$/],
  ] as const) {
    const { code, stderr } = await run(dir);
    t.equal(code, 1);
    t.match(stderr, text);
  }
});
