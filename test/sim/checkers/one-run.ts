// [INV-one-run] An attempt is worked on once: the questions that reach a model are no more than the attempts that were leased. A trigger
// fires once for each of its times on one node, however often that starts anew. [INV-gives-way] Who gives way, gives way to one of
// higher priority.
import type { MakeChecker } from '../checker.ts';

/** Of the virtual year. */
const bornMs = Date.UTC(2020);

export const oneRun: MakeChecker = ({ world, stored, broke }) => {
  /** By the question, which is asked by one task and its retries alone. */
  const leased = new Map<string, number>();
  const asked = new Map<string, number>();
  const fired = new Map<string, string>();
  /** Nodes whose clock was not right at some time. */
  const setClocks = new Set<string>();
  /** Nodes that two machines were at once: each of them works at the times of its triggers. */
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
      // An outbox that is full loses the end of an attempt, which its node then no longer knows.
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
      // By a clock that starts anew in 1970 each time, or was set, times come again.
      if (local.atMs < bornMs || setClocks.has(node ?? '') || copied.has(node ?? '')) return;
      // Of the one expression that agents here have: seconds 0 and 40.
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
