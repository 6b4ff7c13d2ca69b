// [INV-rest] After the faults the fleet comes to rest in bounded time: presence is true, every agent with a suitable node is ready, logs
// agree, outboxes are empty, no task waits. Reports everything that is not at rest.
import type { MakeChecker } from '../checker.ts';
import type { SimulatedDisk } from '../disk.ts';
import type { World } from '../world.ts';
import { modelOf } from './capacity.ts';

export const rest: MakeChecker = ({ world, broke }) => {
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-rest',
    exercised: 0,
    rested() {
      const restless = restlessOf(world);
      checker.exercised++;
      if (restless.length > 0) broke(checker.name, restless.join('; '));
    },
  };
  return checker;
};

/** The parts of the fleet that are not at rest, in words; empty: none. */
export function restlessOf(world: World): string[] {
  const view = world.host.coordinator?.view;
  if (!view) return ['the coordinator is down'];
  const out: string[] = [];
  for (const { id, presence, status } of view.nodes.values())
    if (status === 'active' && presence !== 'online') out.push(`${id} is ${presence}`);
  for (const [name, { placement, unplaced }] of view.agents) {
    const observed = view.observed.get(name);
    if (placement?.leaving) out.push(`${name} is still leaving ${placement.node}`);
    if (!placement) {
      // The refusals show whether placement examined any node; an agent that still waits for a plan is not at rest.
      if (!unplaced || unplaced.refused.length === 0) out.push(`${name} has no node and no reason`);
      continue;
    }
    if (observed?.state !== 'ready' && !isStranded(world, name))
      out.push(`${name} on ${placement.node} is ${observed?.state ?? 'not heard of'} ${observed?.reason ?? ''}`);
    const machine = world.machines.find(({ identity }) => identity?.node === placement.node);
    if (machine?.process?.node.mayActOutside(name) === false)
      out.push(`${name} on ${placement.node} may not act outside`);
    const sql =
      'SELECT seq, hash FROM entries WHERE log = (SELECT id FROM logs WHERE agent = ?) ORDER BY seq DESC LIMIT 1';
    const head = machine?.disk.read('journal.db', sql)?.get(name) as { seq: number; hash: string } | undefined;
    const stored = view.heads.get(name);
    if ((head?.seq ?? 0) !== (stored?.seq ?? 0) || (head?.hash ?? '') !== (stored?.hash ?? ''))
      out.push(`${name}: ${placement.node} is at ${head?.seq ?? 0}, the store at ${stored?.seq ?? 0}`);
  }
  for (const { reason } of view.frozen) out.push(`moves are frozen: ${reason}`);
  const open = [...view.tasks.values()].filter(({ agent }) => !isStranded(world, agent)).map(({ id }) => id);
  if (open.length > 0) out.push(`${open.length} tasks have not ended: ${open.slice(0, 3).join(', ')}`);
  const asked = world.clients?.open ?? [];
  if (asked.length > 0) out.push(`${asked.length} requests to models have not ended: ${asked[0]?.number}`);
  for (const { id, agent } of world.stored.branches.values())
    if (world.stored.agents.get(agent)?.placement) out.push(`branch ${id} is not brought in`);
  for (const machine of world.machines) {
    if (!machine.process) continue;
    const owed = view.erasuresOwed.get(machine.identity?.node ?? '')?.size ?? 0;
    if (owed > 0 && machine.version !== 'older' && !machine.isClone)
      out.push(`${machine.name} has not confirmed ${owed} erasures`);
    const waiting = (machine.disk.read('outbox.sqlite', 'SELECT topic FROM outbox')?.pluck().all() ?? []) as string[];
    if (waiting.length > 0) out.push(`${machine.name} has ${waiting.length} messages in its outbox: ${waiting[0]}`);
    for (const agent of notStored(world, machine.disk))
      if (view.agents.has(agent)) out.push(`${machine.name} holds memories of ${agent} that nobody else has`);
    for (const table of ['pending', 'branches'] as const) {
      const left = `SELECT DISTINCT logs.agent FROM ${table} JOIN logs ON logs.id = ${table}.log`;
      const agents = (machine.disk.read('journal.db', left)?.pluck().all() ?? []) as string[];
      for (const agent of agents) if (view.agents.has(agent)) out.push(`${machine.name} has ${table} of ${agent} left`);
    }
  }
  return out;
}

/** The agents of entries in the log of a disk that the store does not have, one for each entry. */
export function notStored({ host }: World, disk: SimulatedDisk): string[] {
  // The cursor on the disk may be behind, so the store itself is asked.
  const unacked =
    'SELECT logs.agent AS agent, hash FROM entries JOIN logs ON logs.id = entries.log WHERE seq > logs.acked';
  const above = (disk.read('journal.db', unacked)?.all() ?? []) as { agent: string; hash: string }[];
  const isStored = (hash: string) =>
    ['memory_entry', 'branch_entry'].some(
      (table) => host.stored(`SELECT 1 FROM ${table} WHERE hash = ?`, hash).length > 0,
    );
  return above.flatMap(({ agent, hash }) => (isStored(hash) ? [] : [agent]));
}

/**
 * Whether a person must act before this agent works again: its node lost the model, and the reason why no other node fits is known. The
 * tasks of its triggers wait until their deadlines, so it always has open tasks.
 */
export function isStranded(world: World, name: string): boolean {
  const { placement, unplaced } = world.host.coordinator?.view.agents.get(name) ?? {};
  if (!placement || !unplaced || unplaced.refused.length === 0) return false;
  // The last capacity that the node reported.
  const said = world.host.coordinator?.view.live.get(placement.node)?.capacity;
  return !said || modelOf(said, placement.model) === undefined;
}
