// [INV-one-run] An attempt is worked on once: the number of questions to models is at most the number of leased attempts. A trigger fires
// once for each of its times on one node, however often the node restarts. [INV-gives-way] An agent yields only to one of higher priority.
import type { MakeChecker } from '../checker.ts';

/** The beginning of the virtual year. */
const bornMs = Date.UTC(2020);

export const oneRun: MakeChecker = ({ world, stored, broke }) => {
  /** The attempts by question, which is that of one task and its retries alone. */
  const leased = new Map<string, number>();
  const asked = new Map<string, number>();
  const fired = new Map<string, string>();
  /** Nodes whose clock was wrong at some time. */
  const setClocks = new Set<string>();
  /** Nodes with two machines at once: each of them fires the triggers. */
  const copied = new Set<string>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-one-run',
    exercised: 0,
    committing(change) {
      if (change.type === 'task-state' && change.state === 'leased') {
        const before = stored.tasks.get(change.id);
        if (!before || (before.state !== 'queued' && before.attempt === change.attempt)) return;
        leased.set(before.prompt, (leased.get(before.prompt) ?? 0) + 1);
      }
    },
    asked(prompt, machine) {
      // A full outbox loses the end of an attempt, which its node does not know after a restart.
      if (world.knobs.outboxMessages < 100 || machine.erasedMs > 0) return;
      if (!/^Question \d+-\d+\?$/.test(prompt)) return;
      const count = (asked.get(prompt) ?? 0) + 1;
      asked.set(prompt, count);
      checker.exercised++;
      if (count > (leased.get(prompt) ?? 0))
        broke(
          checker.name,
          `${machine.name} works on "${prompt}" for the ${count}. time, leased ${leased.get(prompt)}`,
        );
    },
    looked() {
      const known = new Set<string>();
      for (const { identity, wallOffsetMs, driftMsPerS } of world.machines) {
        if (!identity) continue;
        if (wallOffsetMs !== 0 || driftMsPerS !== 0) setClocks.add(identity.node);
        if (known.has(identity.node)) copied.add(identity.node);
        known.add(identity.node);
      }
    },
    heard({ name, message }, node) {
      if (name !== 'taskReport' || !message.local) return;
      const { agent, epoch, task, local } = message;
      // On a clock that restarts in 1970, or that was set, the same times occur again.
      if (local.atMs < bornMs || setClocks.has(node ?? '') || copied.has(node ?? '')) return;
      // The only expression of triggers in these worlds fires at seconds 0 and 40.
      const second = Math.floor(local.atMs / 1000) % 60;
      const time = Math.floor(local.atMs / 60_000) * 60 + (second >= 40 ? 40 : 0);
      const key = `${node} ${agent} ${epoch} ${local.prompt} ${time}`;
      const before = fired.get(key);
      checker.exercised++;
      if (before !== undefined && before !== task)
        broke(checker.name, `${node} ran ${agent} twice for one time of its trigger: ${before} and ${task}`);
      fired.set(key, task);
    },
  };
  return checker;
};

export const givesWay: MakeChecker = ({ stored, broke }) => {
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-gives-way',
    exercised: 0,
    committing(change) {
      if (change.type !== 'event') return;
      const { agent, text } = change.row;
      const to = /it gave way to (\S+)/.exec(text)?.[1];
      if (to === undefined || agent === null) return;
      checker.exercised++;
      const own = stored.agents.get(agent)?.spec.priority ?? 0;
      const other = stored.agents.get(to)?.spec.priority;
      if (other !== undefined && other <= own)
        broke(checker.name, `${agent} of priority ${own} gives way to ${to} of priority ${other}`);
    },
  };
  return checker;
};
