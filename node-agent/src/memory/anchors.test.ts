// A node keeps the signed checkpoints that cover its logs, and tells each one that contradicts what it holds: it is the other side of the
// ledger. Real keys, real trees, a real journal.
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AnchoredLog,
  type Checkpoint,
  entryLeaf,
  logLeaf,
  type MemoryEntry,
  type MemoryUp,
  MerkleTree,
  maxHeldCheckpoints,
  signedText,
} from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { assignedAgent } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import { type Anchor, contradictionOf, type HeldAnchor } from './anchors.ts';
import { nextEntry, plainEntry } from './chain.ts';
import { openJournal } from './journal.ts';
import { createNodeMemory } from './node-memory.ts';

const agent = 'ada';
function chainOf(count: number, words = 'entry'): MemoryEntry[] {
  const entries: MemoryEntry[] = [];
  for (let i = 0; i < count; i++) {
    const added = plainEntry(i === 0 ? 'genesis' : 'migrate', 'bob', 5, `${words} ${i + 1}`);
    entries.push(nextEntry(agent, 1, entries.at(-1) ?? { seq: 0, hash: 'genesis' }, added, '0a'.repeat(16)));
  }
  return entries;
}
const ours = generateKeyPairSync('ed25519');
/** What the coordinator says of the first entries of a log, in a fleet of three. */
function anchorOf(
  entries: readonly MemoryEntry[],
  number: number,
  keys = ours,
  over: Partial<Checkpoint> = {},
): Anchor {
  const root = new MerkleTree(entries.map(({ hash }) => entryLeaf(hash))).root;
  const log: AnchoredLog = { agent, entries: entries.length, head: entries.at(-1)?.hash ?? 'genesis', root };
  const others = ['bob', 'eve'].map((other) => ({ ...log, agent: other }));
  const tree = new MerkleTree([log, ...others].map(logLeaf));
  const checkpoint = {
    number,
    atMs: number,
    agents: 3,
    entries: 9,
    root: tree.root,
    previous: 'a'.repeat(64),
    ...over,
  };
  const key = keys.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const signature = sign(null, Buffer.from(signedText(checkpoint)), keys.privateKey).toString('base64');
  return { type: 'anchor', agent, epoch: 1, log, path: tree.path(0), checkpoint: { ...checkpoint, key, signature } };
}
const heldOf = (...anchors: Anchor[]): HeldAnchor[] => anchors.map(({ log, checkpoint }) => ({ log, checkpoint }));

t.test('what fits is taken', async (t) => {
  const chain = chainOf(9);
  const at = (seq: number) => chain[seq - 1]?.hash ?? null;
  const { key } = anchorOf(chain, 1).checkpoint;
  const first = anchorOf(chain.slice(0, 4), 3);
  t.equal(
    contradictionOf(first, [], null, () => null),
    null,
    'the first one, of a log that is not here',
  );
  t.equal(contradictionOf(first, [], key, at), null);
  t.equal(contradictionOf(anchorOf(chain.slice(0, 7), 5), heldOf(first), key, at), null, 'the log grew');
  t.equal(contradictionOf(anchorOf(chain.slice(0, 4), 5), heldOf(first), key, at), null, 'others grew');
  t.equal(contradictionOf(first, heldOf(anchorOf(chain, 8), first), key, at), null, 'again, and late');
});
t.test('what contradicts is named', async (t) => {
  const chain = chainOf(9);
  const forged = chainOf(9, 'forged');
  const at = (seq: number) => chain[seq - 1]?.hash ?? null;
  const first = anchorOf(chain.slice(0, 4), 3);
  const { key } = first.checkpoint;
  const none = () => null;
  const say = (anchor: Anchor, held: Anchor[] = [first], hashAt: (seq: number) => string | null = none) =>
    contradictionOf(anchor, heldOf(...held), key, hashAt) ?? 'nothing';
  const unsigned = { ...first, checkpoint: { ...first.checkpoint, entries: 8 } };
  t.match(say(unsigned), /signature of checkpoint 3 does not hold/);
  t.match(say(anchorOf(chain, 5, generateKeyPairSync('ed25519'))), /signed by another key/);
  t.match(say({ ...anchorOf(chain, 5), path: first.path }), 'the root of checkpoint 5 does not have this log');
  t.match(say(anchorOf(chain.slice(0, 3), 5)), 'checkpoint 5 has 3 entries of this log, checkpoint 3 has 4');
  t.match(say(anchorOf(chain, 2)), 'checkpoint 2 has 9 entries of this log, checkpoint 3 has 4');
  t.match(say(anchorOf(forged.slice(0, 4), 5)), 'checkpoint 5 has another entry 4 than checkpoint 3');
  t.match(say(anchorOf(chain.slice(0, 4), 3, ours, { atMs: 77 })), 'there are two checkpoints 3, both of them signed');
  t.match(say(anchorOf(forged, 5), [], at), 'checkpoint 5 has another entry 9 than this node');
  const own = (seq: number) => forged[seq - 1]?.hash ?? null;
  t.match(say(anchorOf(forged, 5), [first], own), 'entry 4 of this node is not the one under checkpoint 3');
});

function rig(t: Test, dir: string) {
  const clock = new HandClock();
  const memory = createNodeMemory({
    ...{ dir, node: 'alice', clock, random: seededRandom(3), log: silentLog },
    embed: async () => null,
  });
  const told: string[] = [];
  const said: MemoryUp[] = [];
  memory.onTrouble = (_, text) => void told.push(text);
  memory.publish = (_, message) => void said.push(structuredClone(message));
  let isOpen = true;
  const close = async () => {
    if (isOpen) await memory.close();
    isOpen = false;
  };
  t.teardown(close);
  const receive = async (...messages: Parameters<typeof memory.receive>[0][]) => {
    for (const message of messages) memory.receive(message);
    await clock.advance(6_000);
  };
  return { memory, told, said, close, receive };
}

t.test('they are on the disk, outlive a restart, and are few', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'anchors-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const chain = chainOf(20);
  const first = rig(t, dir);
  const head = chain[11] as MemoryEntry;
  first.memory.open(assignedAgent(agent, 1, { baseSeq: 0, baseHash: 'genesis', from: null }));
  first.memory.connected();
  const entries = { type: 'entries' as const, agent, epoch: 1, entries: chain.slice(0, 12) };
  await first.receive();
  await first.receive({ ...entries, headSeq: 12, headHash: head.hash });
  for (let n = 1; n <= maxHeldCheckpoints + 3; n++) await first.receive(anchorOf(chain.slice(0, n), n));
  t.same(first.told, []);
  await first.close();

  const journal = openJournal(dir, 'unused', 0, () => {});
  const logId = journal.logs()[0]?.id as number;
  t.same(
    journal.anchors(logId).map(({ checkpoint }) => checkpoint.number),
    Array.from({ length: maxHeldCheckpoints }, (_, i) => maxHeldCheckpoints + 3 - i),
    'the newest',
  );
  journal.close();

  const again = rig(t, dir);
  await again.receive(anchorOf(chain.slice(0, 2), 40));
  t.match(again.told, [/^Of the memory of ada the coordinator says what cannot be true: checkpoint 40 has 2 entries/]);
  await again.receive(anchorOf(chainOf(12, 'forged'), 41));
  t.match(again.told.at(-1), /another entry 12 than this node/);
  await again.receive(anchorOf(chain, 42, generateKeyPairSync('ed25519')));
  t.match(again.told.at(-1), /another key/);
  again.memory.restored('ab'.repeat(16));
  await again.receive();
  await again.receive(anchorOf(chain.slice(0, 2), 1));
  t.equal(again.told.length, 3, 'a coordinator that says that it goes on from a backup may go on from there');
});
