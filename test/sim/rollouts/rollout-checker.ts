// INV-rollout from outside: it folds commits and messages itself and looks at the disks of the nodes; it asks no code of the product.
import type { BusMessage } from '../../../coordinator/src/bus/bus.ts';
import type { DurableChange } from '../../../coordinator/src/state/change.ts';
import type { RolloutRow, RolloutSubjectRow } from '../../../coordinator/src/state/rollout-rows.ts';
import type { ScriptedNode } from './scripted-node.ts';

export interface RolloutChecker {
  readonly exercised: { orders: number; looks: number; waves: number; ends: number };
  committed(changes: readonly DurableChange[]): void;
  told(messages: readonly BusMessage[]): void;
  looked(): void;
}

export function rolloutChecker(
  nodes: readonly ScriptedNode[],
  nowMs: () => number,
  broke: (text: string) => void,
): RolloutChecker {
  const rollouts = new Map<string, RolloutRow>();
  const subjects = new Map<string, RolloutSubjectRow>();
  /** The last order of each node, and who ever had an order for the new version of a rollout. */
  const orders = new Map<string, { rollout: string; version: string }>();
  const touched = new Map<string, Set<string>>();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const exercised = { orders: 0, looks: 0, waves: 0, ends: 0 };
  const subjectsOf = (id: string) => [...subjects.values()].filter(({ rollout }) => rollout === id);
  const versionOf = ({ what }: RolloutRow) => (what.kind === 'node-agent' ? what.version : '');

  function judgeWave(before: RolloutRow, row: RolloutRow): void {
    exercised.waves++;
    if (row.wave !== before.wave + 1) broke(`${row.id} goes from wave ${before.wave} to ${row.wave}`);
    const mine = subjectsOf(row.id).filter(({ wave }) => wave === before.wave);
    // Of those of the wave that are here, each has it, by its own disk; and one at least.
    const has = mine.filter(({ subject }) => byId.get(subject)?.disk.current === versionOf(row));
    if (has.length === 0) broke(`${row.id} leaves wave ${before.wave}, in which nobody has ${versionOf(row)}`);
    if (before.soakFromMs === null) broke(`${row.id} leaves wave ${before.wave} without a soak`);
    const busy = mine.find(({ subject, state }) => state === 'told' && byId.get(subject)?.isBusy);
    if (busy) broke(`${row.id} leaves wave ${before.wave} while ${busy.subject} is under way`);
  }
  function judgeEnd(row: RolloutRow): void {
    exercised.ends++;
    for (const id of touched.get(row.id) ?? []) {
      const node = byId.get(id) as ScriptedNode;
      const { was } = subjects.get(`${row.id}/${id}`) as RolloutSubjectRow;
      if (node.disk.current !== was || (node.fetching && node.fetching.version !== was))
        broke(
          `${row.id} is ${row.state}, and ${id} has ${node.disk.current}, fetches ${node.fetching?.version ?? 'nothing'}, was on ${was}`,
        );
    }
  }

  return {
    exercised,
    committed(changes) {
      for (const change of changes) {
        if (change.type === 'rollout-subject') subjects.set(`${change.row.rollout}/${change.row.subject}`, change.row);
        if (change.type === 'rollout-subject-gone') subjects.delete(`${change.rollout}/${change.subject}`);
      }
      for (const change of changes) {
        if (change.type !== 'rollout') continue;
        const before = rollouts.get(change.row.id);
        rollouts.set(change.row.id, change.row);
        if (change.row.what.kind !== 'node-agent') continue;
        if (before && before.wave !== change.row.wave) judgeWave(before, change.row);
        const isBack = change.row.state === 'rolled-back' || change.row.state === 'aborted';
        if (isBack && before?.state !== change.row.state) judgeEnd(change.row);
      }
    },
    told(messages) {
      for (const { topic, payload } of messages) {
        const [, , group, id = '', verb] = topic.split('/');
        if (group !== 'cmd' || verb !== 'update') continue;
        exercised.orders++;
        const order = JSON.parse(payload.toString()) as { rollout: string; version: string };
        const rollout = rollouts.get(order.rollout);
        const subject = subjects.get(`${order.rollout}/${id}`);
        if (!rollout || !subject) {
          broke(`${id} is told ${order.version} by ${order.rollout}, which is not stored`);
          continue;
        }
        const isNew = order.version === versionOf(rollout);
        if (!isNew && order.version !== subject.was)
          broke(`${id} is told ${order.version}, neither the new nor the old one`);
        if (isNew && subject.wave > rollout.wave)
          broke(`${id} of wave ${subject.wave} is told in wave ${rollout.wave}`);
        if (isNew && rollout.state === 'rolling-back')
          broke(`${id} is told ${order.version} while ${rollout.id} goes back`);
        const last = orders.get(id);
        // Another version only replaces one that the node is done with, unless it is the way back of the same rollout.
        if (last && last.version !== order.version && (isNew || last.rollout !== order.rollout)) {
          const node = byId.get(id) as ScriptedNode;
          if (node.isBusy) broke(`${id} is told ${order.version} while it works on ${last.version}`);
        }
        orders.set(id, order);
        if (isNew) touched.set(order.rollout, (touched.get(order.rollout) ?? new Set()).add(id));
      }
    },
    looked() {
      for (const rollout of rollouts.values()) {
        if (rollout.what.kind !== 'node-agent') continue;
        if (rollout.state === 'done' || rollout.state === 'aborted' || rollout.state === 'rolled-back') continue;
        exercised.looks++;
        const mine = subjectsOf(rollout.id);
        const allowed = mine.filter(({ wave }) => wave <= rollout.wave).length;
        const version = versionOf(rollout);
        const has = mine.filter(({ subject }) => byId.get(subject)?.disk.current === version);
        if (has.length > allowed)
          broke(`${has.length} nodes have ${version}, ${allowed} may in wave ${rollout.wave} at ${nowMs()}`);
        const outside = has.find(({ wave }) => wave > rollout.wave);
        if (outside) broke(`${outside.subject} of wave ${outside.wave} has ${version} in wave ${rollout.wave}`);
        const under = mine.filter(({ subject }) => {
          const node = byId.get(subject);
          return node?.fetching?.version === version || node?.disk.pending?.version === version;
        });
        if (rollout.state !== 'rolling-back' && under.length > rollout.maxUnavailable)
          broke(`${under.length} nodes are under way at once, ${rollout.maxUnavailable} may be`);
      }
    },
  };
}
