// The content of the store, folded from the commits by a few lines of the simulator's own: the checkers share no code with the coordinator,
// so a wrong index of it is found here. Worlds are small: counts are computed each time.
import type { DurableChange } from '../../coordinator/src/state/change.ts';
import type { AgentRow, BranchRow, NodeRow, TaskRow } from '../../coordinator/src/state/rows.ts';

export interface Head {
  epoch: number;
  seq: number;
  hash: string;
}

export class Ledger {
  readonly nodes = new Map<string, NodeRow>();
  readonly agents = new Map<string, AgentRow>();
  /** Tasks that have not ended. */
  readonly tasks = new Map<string, TaskRow>();
  readonly heads = new Map<string, Head>();
  /** Branches that are not merged yet. */
  readonly branches = new Map<string, BranchRow>();

  fold(change: DurableChange): void {
    switch (change.type) {
      case 'node':
        this.nodes.set(change.row.id, change.row);
        return;
      case 'node-gone':
        this.nodes.delete(change.id);
        return;
      case 'agent':
        this.agents.set(change.row.id, change.row);
        return;
      case 'agent-gone':
        this.agents.delete(change.row.id);
        return;
      case 'task-new':
        this.tasks.set(change.row.id, change.row);
        return;
      case 'task-state': {
        const before = this.tasks.get(change.id);
        const { type: _, ...state } = change;
        if (before) this.tasks.set(change.id, { ...before, ...state });
        return;
      }
      case 'tasks-moved':
        for (const [id, task] of this.tasks)
          this.tasks.set(id, {
            ...task,
            createdMs: task.createdMs + change.byMs,
            deadlineMs: task.deadlineMs + change.byMs,
            leasedMs: task.leasedMs === null ? null : task.leasedMs + change.byMs,
            notBeforeMs: task.notBeforeMs === 0 ? 0 : task.notBeforeMs + change.byMs,
          });
        return;
      case 'task-end':
        this.tasks.delete(change.row.id);
        return;
      case 'memory':
        for (const { epoch, seq, hash } of change.entries) this.heads.set(change.agent, { epoch, seq, hash });
        return;
      case 'branch':
        if (change.row.merged) this.branches.delete(change.row.id);
        else this.branches.set(change.row.id, change.row);
        return;
      default:
    }
  }

  agentsOn(node: string): string[] {
    const names: string[] = [];
    for (const [name, { placement }] of this.agents) if (placement?.node === node) names.push(name);
    return names;
  }
  waitingFor(agent: string): number {
    let count = 0;
    for (const task of this.tasks.values()) if (task.agent === agent && task.state === 'queued') count++;
    return count;
  }
}

/** The freeze of a site: its own, or that of the fleet unless a person resumed the moves of the site. */
export interface ToldFreeze {
  readonly site: string | null;
  readonly reason: string;
  readonly released: readonly string[];
}
export function holdsAt(frozen: readonly ToldFreeze[], site: string): ToldFreeze | null {
  for (const freeze of frozen) if (freeze.site === site) return freeze;
  for (const freeze of frozen) if (freeze.site === null && !freeze.released.includes(site)) return freeze;
  return null;
}
