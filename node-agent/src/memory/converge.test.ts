// Whichever messages the network loses, doubles or reorders and whichever side restarts: in the end the coordinator has every memory that a
// node reported as durable, once, in one chain that verifies, and no node has anything left to send. Seeds that failed once are kept in
// `kept`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MemoryDown, MemoryEntry, MemoryUp } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { chainFaults, TinyCoordinator } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import type { AgentMemory } from './agent-memory.ts';
import type { NodeMemory } from './node-memory.ts';
import { createNodeMemory } from './node-memory.ts';

const kept: number[] = [];
const runs = Number(process.argv[2] ?? 25);
const steps = 60;
const agents = ['ada', 'bob'];
const keys = 6;

for (const seed of [...kept, ...Array.from({ length: runs }, (_, i) => i + 1)]) {
  t.test(`seed ${seed}`, async (t) => {
    const random = seededRandom(seed);
    const clock = new HandClock();
    const dir = mkdtempSync(join(tmpdir(), 'memory-converge-'));
    t.teardown(() => rmSync(dir, { recursive: true, force: true }));
    const coordinator = new TinyCoordinator();
    let faults = true;
    const durable = new Set<string>();
    const doubtful = new Set<string>();

    interface Node {
      memory: NodeMemory;
      life: number;
      logs: Map<string, AgentMemory>;
    }
    const nodes = new Map<string, Node>();
    const holders = new Map<string, { node: string; placed: ReturnType<TinyCoordinator['place']> }>();

    function deliver(work: () => void): void {
      if (faults && random.next() < 0.15) return;
      clock.after(faults ? random.next() * 400 : 1, work);
      if (faults && random.next() < 0.1) clock.after(random.next() * 3_000, work);
    }
    function start(name: string): void {
      const memory = createNodeMemory({
        dir: join(dir, name),
        node: name,
        clock,
        random,
        log: silentLog,
        embed: async () => null,
      });
      const node: Node = { memory, life: (nodes.get(name)?.life ?? 0) + 1, logs: new Map() };
      nodes.set(name, node);
      const down = (message: MemoryDown) => {
        if (nodes.get(name) === node) memory.receive(message);
      };
      memory.publish = (agent, message: MemoryUp) => {
        const sent = structuredClone(message);
        deliver(() => {
          for (const answer of coordinator.answer(name, agent, sent)) deliver(() => down(structuredClone(answer)));
        });
      };
      for (const [agent, { node: holder, placed }] of holders) {
        if (holder === name) node.logs.set(agent, memory.open(placed));
      }
      memory.connected();
    }
    function move(agent: string, to: string): void {
      const before = holders.get(agent);
      const placed = coordinator.place(agent, to);
      holders.set(agent, { node: to, placed });
      if (before && before.node !== to) {
        const old = nodes.get(before.node)!;
        // A planned move releases the agent on the old node, a forced one does not.
        if (random.next() < 0.5) {
          old.memory.release(agent, before.placed.epoch);
          old.logs.delete(agent);
        }
      }
      const node = nodes.get(to)!;
      node.logs.set(agent, node.memory.open(placed));
    }
    for (const name of ['alice', 'carol']) start(name);
    for (const agent of agents) move(agent, 'alice');

    for (let step = 0; step < steps; step++) {
      const what = random.next();
      const agent = agents[Math.floor(random.next() * agents.length)]!;
      const name = random.next() < 0.5 ? 'alice' : 'carol';
      const node = nodes.get(name)!;
      if (what < 0.6) {
        const text = `${seed}.${step}`;
        // Every node with the log open writes, also one that was replaced without a release.
        for (const [holder, { logs }] of nodes) {
          const mine = `${text} on ${holder}`;
          const kept =
            step % 2 === 0 ? { kind: 'value' as const, key: `key ${step % keys}` } : { kind: 'note' as const };
          const appended = logs.get(agent)?.append({ ...kept, text: mine, source: 'test', actorId: 'test' });
          doubtful.add(mine);
          appended?.then(() => durable.add(mine)).catch(() => {});
        }
      } else if (what < 0.75) {
        node.memory.disconnected();
        if (random.next() < 0.7) clock.after(random.next() * 5_000, () => nodes.get(name)?.memory.connected());
      } else if (what < 0.87) {
        node.memory.disconnected();
        await node.memory.close();
        start(name);
      } else {
        move(agent, name);
      }
      await clock.advance(random.next() * 1_500);
    }

    faults = false;
    for (let round = 0; round < 20; round++) {
      for (const { memory } of nodes.values()) {
        memory.disconnected();
        memory.connected();
      }
      for (const agent of agents) {
        for (const merge of coordinator.merges(agent)) {
          nodes.get(holders.get(agent)!.node)!.memory.receive(structuredClone(merge));
        }
      }
      await clock.advance(90_000);
    }

    for (const agent of agents) {
      const { entries } = coordinator.logs.get(agent)!;
      t.same(chainFaults(entries), [], `${agent}: one chain that verifies`);
    }
    const told = agents
      .flatMap((agent) => coordinator.logs.get(agent)!.entries)
      .filter(({ kind }) => kind === 'note' || kind === 'value' || kind === 'merge')
      .map(({ payload }) => payload!.text);
    t.equal(new Set(told).size, told.length, 'everything once');
    t.same(
      [...durable].filter((text) => !told.includes(text)),
      [],
      'nothing that was durable is missing',
    );
    t.same(
      told.filter((text) => !doubtful.has(text)),
      [],
      'nothing made up',
    );
    for (const agent of agents) await sameValues(t, agent);
    /** The writer has under each key what the log says, found by words too, and nothing of what was there before. */
    async function sameValues(t: Test, agent: string) {
      const { entries } = coordinator.logs.get(agent)!;
      const log = nodes.get(holders.get(agent)!.node)!.logs.get(agent)!;
      for (let each = 0; each < keys; each += 2) {
        const key = `key ${each}`;
        const about = entries.filter(({ payload }) => payload?.key === key);
        const at = about.findLastIndex(({ kind, payload }) => kind === 'value' || payload!.holds);
        const [holds, ...others] = about.slice(Math.max(0, at)).map(({ payload }) => payload!.text);
        const beside = about.slice(at + 1).reverse();
        const isLast = ({ payload }: MemoryEntry, i: number) =>
          beside.findIndex((each) => each.payload!.source === payload!.source) === i;
        const lastOfEach = beside.filter(isLast).map(({ payload }) => payload!.text);
        const looked = log.value(key);
        if (holds === undefined) {
          t.match(looked, { how: 'none' }, `${agent} has no ${key}`);
          continue;
        }
        const told = { how: 'found', value: { text: holds }, others: lastOfEach.map((text) => ({ text })) };
        t.match(looked, told, `${agent}, ${key}`);
        for (const entry of about.filter(({ kind }) => kind === 'merge'))
          t.equal(entry.payload!.holds, !isEditedBeside(about, entry), `${agent}, ${key}: entry ${entry.seq}`);
        const recalled = log.recall(key, 200, new AbortController().signal);
        await clock.advance(3_000);
        const found = (await recalled).memories.map(({ text }) => text).filter((text) => text.startsWith(`${key}: `));
        const shown = [holds, ...others].map((text) => `${key}: ${text}`);
        t.same(found.map((text) => text.replace(/ \(set on .*/, '')).sort(), shown.sort(), `${agent} finds ${key}`);
      }
    }
    for (const [name, { memory }] of nodes) {
      t.equal(memory.unacked, 0, `nothing waits on ${name}`);
      await memory.close();
    }
  });
}

/** Whether another writer had set the key of a merged entry by then, under an epoch that began after its own. */
function isEditedBeside(about: readonly MemoryEntry[], { seq, payload }: MemoryEntry): boolean {
  const epoch = Number(payload!.source.split('.')[1]);
  return about.some(
    (each) =>
      each.seq < seq &&
      each.epoch > epoch &&
      each.payload!.source !== payload!.source &&
      (each.kind === 'value' || each.payload!.holds === true),
  );
}
