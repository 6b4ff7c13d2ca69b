// Rollouts: planned and shown from the view, started and steered by decisions.
import {
  type Fault,
  FleetError,
  notFoundText,
  type Principal,
  type RolloutRequest,
  type RolloutView,
} from '@blackroad/protocol';
import { sortableId } from '@blackroad/std/random';
import { classFaults } from '../fleet/spec-faults.ts';
import type { ApiContext } from '../http/context.ts';
import { accepted, type Handlers, refuseFaults } from '../http/handler.ts';
import { showRollout, showRolloutDetails } from '../live/show-rollout.ts';
import { planRollout, shownPlan } from '../rollouts/plan.ts';
import { turnOf } from '../rollouts/turn.ts';
import type { RolloutAct } from '../state/input.ts';
import type { RolloutRow } from '../state/rollout-rows.ts';

function one({ coordinator: { view } }: ApiContext, id: string): RolloutRow {
  const row = view.rollouts.get(id);
  if (row) return row;
  throw new FleetError('no-such-rollout', { detail: notFoundText('rollout', id, view.rollouts.keys()) });
}
function shownIn({ coordinator, clock }: ApiContext, rollout: RolloutRow) {
  return { view: coordinator.view, rollout, nowMs: clock.nowMs(), timeZone: coordinator.policy.timeZone };
}
const show = (context: ApiContext, id: string): RolloutView => showRollout(shownIn(context, one(context, id)));

/** What the schema cannot find. */
function refuseFaulty({ coordinator: { view } }: ApiContext, { select, windows = [] }: RolloutRequest): void {
  const faults: Fault[] = select?.class === undefined ? [] : classFaults(view, select.class, 'select.class');
  for (const [i, { from, to }] of windows.entries())
    if (from === to)
      faults.push({ field: `windows.${i}.to`, expected: `another time than ${from}`, got: JSON.stringify(to) });
  refuseFaults(faults);
}
async function act(context: ApiContext, by: Principal, id: string, what: RolloutAct): Promise<RolloutView> {
  one(context, id);
  accepted(await context.coordinator.submit('rollout-act', { by, id, act: what }));
  return show(context, id);
}
const turn = (context: ApiContext, id: string) => {
  const { coordinator, clock } = context;
  return turnOf(coordinator.view, one(context, id), clock.nowMs(), coordinator.policy.timeZone);
};

export const rolloutHandlers = {
  rollouts: ({ context }) =>
    [...context.coordinator.view.rollouts.values()].reverse().map((row) => showRollout(shownIn(context, row))),
  rolloutPlan({ context, body, by }) {
    refuseFaulty(context, body);
    const outcome = planRollout(context.coordinator.view, by, body);
    if ('refused' in outcome) throw new FleetError(outcome.code, { detail: outcome.refused });
    return shownPlan(outcome.planned);
  },
  async rolloutStart({ context, body, by }) {
    refuseFaulty(context, body);
    const id = sortableId(context.clock.nowMs(), context.random);
    accepted(await context.coordinator.submit('rollout-start', { by, id, request: body }));
    return show(context, id);
  },
  rollout: ({ context, params }) => showRolloutDetails(shownIn(context, one(context, params.rollout))),
  rolloutPause: ({ context, params, by }) => act(context, by, params.rollout, 'pause'),
  rolloutResume: ({ context, params, by }) => act(context, by, params.rollout, 'resume'),
  rolloutApprove: ({ context, params, by }) => act(context, by, params.rollout, 'approve'),
  rolloutAbort: ({ context, params, by }) => act(context, by, params.rollout, 'abort'),
  rolloutBack: ({ context, params, by }) => act(context, by, params.rollout, 'roll-back'),
  rolloutTurn: ({ context, params }) => turn(context, params.rollout),
  async rolloutReport({ context, params, body, by }) {
    one(context, params.rollout);
    accepted(await context.coordinator.submit('rollout-report', { by, id: params.rollout, report: body }));
    return turn(context, params.rollout);
  },
} satisfies Partial<Handlers>;
