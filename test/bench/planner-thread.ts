// A planner in a thread of its own, as far as planner-thread.bench.ts measures it: it folds the changes that it is sent into a view of its
// own, plans in one go, and posts the parts. Not part of the product; docs/decisions/0011 says why.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type MessagePort, parentPort, threadId } from 'node:worker_threads';
import { whole } from '@blackroad/std/pace';
import { snapshotting } from '../../coordinator/src/placement/model/snapshot.ts';
import { ordering, partsOf } from '../../coordinator/src/placement/plan/moves.ts';
import { planning } from '../../coordinator/src/placement/plan/place.ts';
import type { PlanPart } from '../../coordinator/src/placement/plan/plan-parts.ts';
import { ReviewList } from '../../coordinator/src/placement/speed/review-list.ts';
import { SupplyCache } from '../../coordinator/src/placement/speed/supply-cache.ts';
import { apply } from '../../coordinator/src/state/apply.ts';
import type { Change } from '../../coordinator/src/state/change.ts';
import { agentsToReview, nodesWithOtherAgents } from '../../coordinator/src/state/change-table.ts';
import type { Policy } from '../../coordinator/src/state/input.ts';
import { emptyView, type MutableView, type View } from '../../coordinator/src/state/view.ts';
import { threadCpuMs } from './turns.ts';

export type Asked =
  | { type: 'fold'; changes: readonly Change[] }
  | { type: 'plan'; nowMs: number; policy: Policy }
  | { type: 'figures' };
export type Told = { type: 'parts'; parts: PlanPart[] } | { type: 'figures'; cpuMs: number; heapBytes: number };

/** What both ways of planning share: a view, and who and which nodes changed since the last plan. */
export class Planned {
  readonly view: MutableView;
  readonly review = new ReviewList();
  readonly cache = new SupplyCache();
  constructor(startedMs: number) {
    this.view = emptyView('bench', startedMs);
    this.review.all();
  }
  fold(changes: readonly Change[]): void {
    for (const change of changes) {
      this.review.note(agentsToReview(this.view, change));
      this.cache.note(nodesWithOtherAgents(this.view, change));
      apply(this.view, change);
    }
  }
  /** As the product's planner does it; the caller runs it whole or in slices. */
  *plan(nowMs: number, policy: Policy): Generator<void, PlanPart[]> {
    const view: View = this.view;
    const asked = yield* snapshotting(view, nowMs, policy, this.review.take(), this.cache);
    this.review.keep(asked.restless);
    if (asked.snapshot.demands.length === 0) return [];
    const plan = yield* planning(asked.snapshot, this.cache);
    const placed = yield* ordering(view, plan);
    const parts: PlanPart[] = [];
    for (const part of partsOf(view, asked, plan, () => 'command', new Map(), placed)) {
      parts.push(part);
      yield;
    }
    return parts;
  }
}
if (threadId !== 0) {
  const port = parentPort as MessagePort;
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const planned = new Planned(Date.now());
  const tell = (told: Told) => port.postMessage(told);
  port.on('message', (asked: Asked) => {
    if (asked.type === 'fold') return planned.fold(asked.changes);
    if (asked.type === 'plan') return tell({ type: 'parts', parts: whole(planned.plan(asked.nowMs, asked.policy)) });
    collectGarbage();
    tell({ type: 'figures', cpuMs: threadCpuMs(), heapBytes: process.memoryUsage().heapUsed });
  });
}
