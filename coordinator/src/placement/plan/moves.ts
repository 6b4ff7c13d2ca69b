// The steps of a plan: agents to move, agents without a node and the reason, in parts of bounded size that are each complete. In: the view,
// the snapshot and the plan. Out: parts, made one by one as they are carried out (plan.ts). It never moves an agent that may stay, and
// repeats no text: an agent that is unplaced for the same reason as before is no change.
import type { MoveCause, UnplacedWhy } from '@blackroad/protocol';
import { compareText, Pace, sortedIn, whole } from '@blackroad/std/pace';
import type { AgentRow } from '../../state/rows.ts';
import { agentNameOf, type View } from '../../state/view.ts';
import type { Need } from '../model/need.ts';
import type { Snapped } from '../model/snapshot.ts';
import type { Placed, PlacementPlan } from '../model/supply.ts';
import type { Gain } from '../rules/gain.ts';
import { whyOf } from '../rules/score.ts';
import type { PlanPart, PlanStep, Target } from './plan-parts.ts';

/** The number of steps in one part: a decision, a commit and its messages take only a few milliseconds. */
const partSteps = 96;

const causeOf: Record<Need['reason'], MoveCause> = {
  new: 'new',
  gone: 'lost',
  quarantined: 'lost',
  lost: 'lost',
  draining: 'drain',
  rules: 'rules',
  company: 'rules',
  model: 'rules',
  board: 'rules',
  failing: 'failing',
};

/** `placed`: by `ordering`. */
export function* partsOf(
  view: View,
  asked: Pick<Snapped, 'needs' | 'staying' | 'capacities'>,
  plan: PlacementPlan,
  minted: () => string,
  gains: ReadonlyMap<string, Gain> = new Map(),
  placed: readonly Placed[] = whole(ordering(view, plan)),
): Generator<PlanPart> {
  const yielded = new Map(plan.yielded.map((each) => [each.agent, each]));
  const targets = targetsOf(view, asked.capacities, plan);
  const rank = new Map([...yielded.keys()].reverse().map((agent, i) => [agent, i]));
  const first = (agent: string) => rank.get(agent) ?? rank.size;
  const unplaced = [...plan.unplaced].sort((a, b) => first(a.agent) - first(b.agent));
  const about = (agent: string, row: AgentRow): Pick<PlanStep, 'cause' | 'because' | 'busy'> => {
    const gave = yielded.get(agent);
    if (gave) return { cause: 'preempt', because: gaveWay(view, row, gave.to) };
    const gain = gains.get(agent);
    if (gain) return { cause: 'rebalance', because: gain.text, ...(gain.kind === 'queue' ? { busy: true } : {}) };
    const need = asked.needs.get(agent);
    return need
      ? { cause: causeOf[need.reason], because: need.reason === 'new' ? '' : need.text }
      : { cause: 'new', because: '' };
  };

  let part = emptyPart();
  const unloaded = new Set<string>();
  function* step(agent: string, made: PlanStep['step']): Generator<PlanPart> {
    const row = view.agents.get(agent);
    if (!row) return;
    const { version, epoch } = row;
    const node = row.placement?.node ?? null;
    part.steps.push({ agent, version, epoch, node, ...about(agent, row), step: made });
    if ('to' in made) {
      const { node: id } = made.to;
      const target = targets.get(id) as Target;
      part.targets.set(id, target);
      if (!unloaded.has(id)) {
        unloaded.add(id);
        for (const model of target.unloads) part.unloads.push({ node: id, model, command: minted() });
      }
    }
    if (part.steps.length < partSteps) return;
    yield part;
    part = emptyPart();
  }

  for (const agent of asked.staying) if (view.agents.get(agent)?.unplaced) yield* step(agent, { words: null });
  for (const { agent, why } of unplaced) {
    const row = view.agents.get(agent);
    if (!row) continue;
    const need = asked.needs.get(agent);
    if (need?.mayStay) {
      const staying = { ...why, text: `${need.text}, and it stays there: ${why.text}` };
      if (!saysTheSame(row.unplaced, staying)) yield* step(agent, { words: staying });
    } else if (row.placement) yield* step(agent, { nowhere: why });
    else if (!saysTheSame(row.unplaced, why)) yield* step(agent, { words: why });
  }
  for (const each of placed) yield* step(each.agent, { to: { node: each.node, model: each.model, why: whyOf(each) } });
  if (part.steps.length > 0) yield part;
}
function emptyPart(): PlanPart {
  return { steps: [], targets: new Map(), unloads: [] };
}

/**
 * The order of moves. Agents that yield come first, in the reverse order in which they yielded, as each may need the room of the next one;
 * the others are sorted so that a part changes few nodes, each of which is a row to store and a message. In slices.
 */
export function* ordering(view: View, { placed, yielded }: PlacementPlan): Generator<void, readonly Placed[]> {
  const pace = new Pace();
  const rank = new Map([...yielded].reverse().map(({ agent }, i) => [agent, i]));
  const from = new Map<string, string>();
  const to = new Set<string>();
  for (const { agent, node } of placed) {
    from.set(agent, view.agents.get(agent)?.placement?.node ?? '');
    to.add(node);
    if (pace.spends(0.5)) yield;
  }
  const isFromFew = new Set(from.values()).size < to.size;
  const first = ({ agent }: Placed) => rank.get(agent) ?? rank.size;
  const byFrom = (a: Placed, b: Placed) => compareText(from.get(a.agent) as string, from.get(b.agent) as string);
  const byTo = (a: Placed, b: Placed) => compareText(a.node, b.node);
  const [major, minor] = isFromFew ? [byFrom, byTo] : [byTo, byFrom];
  return yield* sortedIn(placed, (a, b) => first(a) - first(b) || major(a, b) || minor(a, b), pace);
}

function targetsOf(view: View, capacities: Snapped['capacities'], plan: PlacementPlan): Map<string, Target> {
  const targets = new Map<string, Target>();
  for (const { node } of plan.placed)
    if (!targets.has(node)) targets.set(node, { capacity: capacities.get(node) ?? null, leaving: [], unloads: [] });
  const gone = new Set(plan.yielded.map(({ agent }) => agent));
  const goesTo = new Map(plan.placed.flatMap(({ agent, node }) => (gone.has(agent) ? [[agent, node]] : [])));
  for (const { agent, node } of plan.yielded) {
    const model = view.agents.get(agent)?.placement?.model ?? '';
    targets.get(node)?.leaving.push({ agent, model, isChanging: goesTo.get(agent) === node });
  }
  for (const { node, model, step } of plan.models) if (step === 'unload') targets.get(node)?.unloads.push(model);
  return targets;
}

/** The reason in words, such as `gave way to greeter (priority 80 over 50)`. */
function gaveWay(view: View, { spec }: AgentRow, to: string): string {
  const other = view.agents.get(to);
  return `it gave way to ${agentNameOf(view, to)}${other ? ` (priority ${other.spec.priority} over ${spec.priority})` : ''}`;
}

/**
 * Whether the text for a person would be the same. Counts of many nodes may differ by a fifth: ten thousand nodes that reconnect one by one
 * must not rewrite every unplaced agent ten thousand times.
 */
function saysTheSame(before: AgentRow['unplaced'], after: UnplacedWhy): boolean {
  if (!before || before.text !== after.text || JSON.stringify(before.fix) !== JSON.stringify(after.fix)) return false;
  if (before.refused.length !== after.refused.length) return false;
  return after.refused.every(({ filter, nodes }, index) => {
    const old = before.refused[index];
    return old?.filter === filter && isAbout(old.nodes, nodes);
  });
}
function isAbout(a: number, b: number): boolean {
  const most = Math.max(a, b);
  return a === b || (most > 20 && Math.abs(a - b) <= most / 5);
}
