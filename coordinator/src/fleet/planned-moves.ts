// The end of planned moves. In: the words of a node that all memories of a leaving agent are committed; the time. Out: the move that was
// decided, when its place is still one; otherwise the agent stays, and placement decides anew. [decision 36]
// [INV-planned-move] [INV-capacity]
import type { NodeCapacity, NodeModel } from '@blackroad/protocol';
import { closedOf } from '../placement/model/snapshot.ts';
import { brokenRule } from '../placement/rules/feasible.ts';
import { type Draft, leasedCountIn, putAgent } from '../state/draft.ts';
import type { Leaving } from '../state/leaving-row.ts';
import type { AgentRow } from '../state/rows.ts';
import { leaseNext } from '../tasks/leases.ts';
import { carryOut, openDeltas, placeDelta, sendDeltas } from './assignment.ts';
import { canLeave, leavingLeftMs } from './leaving.ts';

/** The number of moves that one tick ends: the next one ends the others. */
const maxEndedAtOnce = 200;

/** The node has nothing more of the agent to bring. `leaving`: the number that it answers. */
export function takeDrained(draft: Draft, row: AgentRow, leaving: number | undefined): void {
  const asked = row.placement?.leaving;
  // An answer to an earlier question: the agent has stayed since, and may have written more.
  if (!row.placement || !asked || asked.sinceMs !== leaving) return;
  if (leasedCountIn(draft, row.id) === 0) endLeaving(draft, row, asked);
  // The end of a task is on another way, and may come later.
  else if (!asked.drained)
    putAgent(draft, { ...row, placement: { ...row.placement, leaving: { ...asked, drained: true } } });
}

/** Ends moves whose last task has ended, and those that wait for too long: by force where the node is there, else not at all. */
export function judgeLeaving(draft: Draft): void {
  let ended = 0;
  for (const id of draft.view.leaving.keys()) {
    const row = draft.agents.get(id);
    const leaving = row?.placement?.leaving;
    if (!row?.placement || !leaving) continue;
    const isDone = leaving.drained === true && leasedCountIn(draft, id) === 0;
    if (!isDone && leavingLeftMs(draft.view, leaving, draft.nowMs) > 0) continue;
    if (++ended > maxEndedAtOnce) return;
    // The agents of a node that is away move by their own policy, once it is lost.
    if (isDone || canLeave(draft, row.placement)) endLeaving(draft, row, leaving);
    else stay(draft, row);
  }
}

function endLeaving(draft: Draft, row: AgentRow, { to, cause, because, unplaced }: Leaving): void {
  if (to && !isStillOpen(draft, row, to)) {
    stay(draft, row);
    return;
  }
  const deltas = openDeltas();
  carryOut(draft, deltas, row, {
    agent: row.id,
    to: to && { ...to },
    cause,
    ...(because === undefined ? {} : { because }),
    ...(unplaced ? { unplaced } : {}),
  });
  sendDeltas(draft, deltas);
}

/** The fleet went on while the agent left. */
function isStillOpen(draft: Draft, { spec }: AgentRow, { node: id, model }: NonNullable<Leaving['to']>): boolean {
  const node = draft.nodes.get(id);
  const heard = draft.live.get(id);
  if (!node || !heard?.capacity || closedOf(node, heard) !== null) return false;
  if (brokenRule({ spec, room: { node } })) return false;
  const { models, pulls, fetchable } = heard.capacity;
  const here = models.find(({ name }) => name === model);
  if (!here) return (pulls ?? []).length > 0 || (fetchable ?? null) !== null;
  return isRoomFor(draft, id, heard.capacity, here);
}

/** Another program may have taken the memory meanwhile, or more models may be in use. Weights that agents share are there once. */
function isRoomFor(draft: Draft, node: string, capacity: NodeCapacity, wanted: NodeModel): boolean {
  const { memoryTotalBytes, memoryFreeBytes, models } = capacity;
  const used = modelsInUse(draft, node);
  // A node that cannot measure its memory refuses by itself.
  if (memoryTotalBytes === 0 || wanted.resident || used.has(wanted.name)) return true;
  let roomBytes = memoryFreeBytes;
  for (const { name, kind, resident, residentBytes, sizeBytes } of models) {
    if (kind !== 'chat') continue;
    if (resident && !used.has(name)) roomBytes += residentBytes;
    if (!resident && used.has(name)) roomBytes -= sizeBytes;
  }
  return wanted.sizeBytes <= roomBytes;
}
function modelsInUse(draft: Draft, node: string): Set<string> {
  const used = new Set<string>();
  const note = (row: AgentRow | undefined) => {
    if (row?.placement?.node === node) used.add(row.placement.model);
  };
  for (const id of draft.view.agentsByNode.get(node) ?? []) note(draft.agents.get(id));
  // What this tick moved there already.
  for (const [, row] of draft.agents.written()) note(row);
  return used;
}

function stay(draft: Draft, row: AgentRow): void {
  if (!row.placement) return;
  const { leaving: _, ...placement } = row.placement;
  const staying = { ...row, placement };
  putAgent(draft, staying);
  const deltas = openDeltas();
  placeDelta(draft, deltas, staying);
  sendDeltas(draft, deltas);
  leaseNext(draft, row.id);
}
