// The explanation of an agent's place: why it is on its node, why on no other, and what would place it, computed for the present fleet by
// the filters and scores of placement itself. The load of the agent is first subtracted from its node, so that its node is judged like any
// other. In: the view. Out: the answer, in slices: ten thousand nodes take longer than the event loop may be blocked. Changes nothing.
import {
  counted,
  type FixSteps,
  type NodeScore,
  numberInWords,
  type PlacementExplained,
  type Refusal,
} from '@blackroad/protocol';
import { Pace } from '@blackroad/std/pace';
import type { Policy } from '../../state/input.ts';
import type { AgentRow } from '../../state/rows.ts';
import type { View } from '../../state/view.ts';
import { type Need, pendingOf } from '../model/need.ts';
import { findOffer, type Room, useOf } from '../model/room.ts';
import { supplying } from '../model/snapshot.ts';
import type { Demand } from '../model/supply.ts';
import { suppose } from '../model/supposed.ts';
import { bestChoice, type Choice, choiceOf, type OpenFleet, openingRooms, roomAt } from '../plan/choose.ts';
import { firstFilter } from '../rules/feasible.ts';
import { whyOf } from '../rules/score.ts';
import { explaining, whyNowhere } from './why.ts';

/** The number of other nodes that are shown. */
const maxOthers = 5;
const nobodyMoves: ReadonlyMap<string, Need> = new Map();

/** The results of all nodes for one agent. */
interface Judged {
  here: NodeScore | null;
  refusedHere: Refusal | null;
  others: NodeScore[];
  wouldTake: number;
  classes: PlacementExplained['classes'];
}

/** Null: the agent does not exist. */
export function* explainingAgent(
  view: View,
  agent: string,
  nowMs: number,
  policy: Policy,
): Generator<void, PlacementExplained | null> {
  const row = view.agents.get(agent);
  if (!row) return null;
  const apart = suppose(view, { agents: new Map([[agent, { ...row, placement: null }]]) });
  const { nodes } = yield* supplying(apart, nowMs, policy, nobodyMoves);
  const spec = row.spec;
  const { id, space } = row;
  const demand: Demand = { id, space, spec, last: row.placement?.node ?? row.last ?? null };
  const pace = new Pace();
  const fleet = yield* openingRooms(
    { nodes, demands: [demand], strategy: policy.placement, known: view.known.list },
    pace,
  );
  const judged = yield* judging(fleet, demand, row.placement?.node ?? null, pace);

  // The text of an agent without a node, with its fix; or of an agent on a node that it should leave while no other node takes it.
  let unplaced: PlacementExplained['unplaced'] = null;
  if (row.placement) {
    if (row.unplaced) unplaced = { text: row.unplaced.text, fix: row.unplaced.fix as FixSteps };
  } else if (judged.wouldTake === 0) {
    const { text, fix } = whyNowhere(fleet, demand, yield* explaining(fleet, spec, useOf(spec), pace));
    unplaced = { text, fix };
  }
  const { here, others, classes } = judged;
  return {
    agent: spec.name,
    node: row.placement?.node ?? null,
    placedMs: row.placement?.placedMs ?? null,
    text: sentence(row, judged, unplaced),
    pending: row.placement ? pendingOf(view, row, nowMs, policy) : null,
    here,
    others,
    classes,
    unplaced,
  };
}

function* judging(fleet: OpenFleet, demand: Demand, at: string | null, pace: Pace): Generator<void, Judged> {
  const { spec } = demand;
  const use = useOf(spec);
  const conflicts = fleet.companies.conflictsOf(demand);
  const classes = new Map<string, ClassCount>();
  const best = new BestFew(maxOthers);
  let here: NodeScore | null = null;
  let refusedHere: Refusal | null = null;
  let wouldTake = 0;
  for (let index = 0; index < fleet.nodes.length; index++) {
    if (pace.spends(3)) yield;
    const room = roomAt(fleet, index);
    const isHere = room.node.id === at;
    const count = classOf(classes, room.node.class);
    count.nodes++;
    const candidate = { spec, use, room, conflicts };
    const filter = firstFilter(candidate);
    if (filter === null) {
      count.wouldTake++;
      wouldTake++;
      const choice = bestChoice(fleet, demand, room, use);
      if (isHere) here = choice && scored(choice, demand, true);
      else if (choice) best.put(choice);
      continue;
    }
    const known = count.refused.get(filter.name);
    if (known) known.nodes++;
    else count.refused.set(filter.name, { nodes: 1, text: `${room.node.id}: ${filter.words(candidate)}` });
    if (!isHere) continue;
    refusedHere = { filter: filter.name, text: filter.words(candidate) };
    const choice = anyChoice(fleet, demand, room);
    here = choice && scored(choice, demand, true);
  }
  return {
    here,
    refusedHere,
    others: best.list().map((choice) => scored(choice, demand, false)),
    wouldTake,
    classes: [...classes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => classInWords(name, count)),
  };
}
/** The best choice on a node, whether or not it has room: it gives a score. */
function anyChoice(fleet: OpenFleet, demand: Demand, room: Room): Choice | null {
  let best: Choice | null = null;
  demand.spec.model.forEach((wanted, rank) => {
    const offer = findOffer(room, wanted);
    const choice = offer && choiceOf(fleet, demand, room, offer, rank);
    if (choice && (!best || choice.score > best.score)) best = choice;
  });
  return best;
}
function scored({ room, offer, score, facts }: Choice, { id }: Demand, isHere: boolean): NodeScore {
  return { ...whyOf({ agent: id, node: room.node.id, model: offer.model.name, score, facts }), isHere };
}

interface ClassCount {
  nodes: number;
  wouldTake: number;
  /** The nodes by filter, with the words of the first node that it refused. */
  refused: Map<string, { nodes: number; text: string }>;
}
function classOf(classes: Map<string, ClassCount>, name: string): ClassCount {
  let count = classes.get(name);
  if (!count) {
    count = { nodes: 0, wouldTake: 0, refused: new Map() };
    classes.set(name, count);
  }
  return count;
}
function classInWords(name: string, { nodes, wouldTake, refused }: ClassCount): PlacementExplained['classes'][number] {
  return {
    class: name,
    nodes,
    wouldTake,
    refused: [...refused]
      .map(([filter, each]) => ({
        filter,
        nodes: each.nodes,
        text: each.nodes > 1 ? `${each.text} (and ${each.nodes - 1} more)` : each.text,
      }))
      .sort((a, b) => b.nodes - a.nodes || (a.filter < b.filter ? -1 : 1)),
  };
}

function sentence(
  { spec: { name }, placement }: AgentRow,
  { here, others, wouldTake, refusedHere }: Judged,
  unplaced: PlacementExplained['unplaced'],
): string {
  const [best] = others;
  if (!placement) {
    if (unplaced) return `${name} is on no node: ${unplaced.text}`;
    return `${name} is on no node yet: ${best?.node} is the best of ${counted(wouldTake, 'node')} that would take it, and the next plan places it`;
  }
  const on = `${name} is on ${placement.node} with ${placement.model}`;
  if (refusedHere) return `${on}, which would refuse it now (${refusedHere.filter}: ${refusedHere.text})`;
  if (!best) return `${on}, the only node that would take it`;
  const gap = best.score - (here?.score ?? 0);
  // A smaller difference is not visible to a person, so it counts as equal.
  if (gap < 0.05) return `${on}, the best of ${counted(wouldTake, 'node')} that would take it`;
  return `${on}; ${best.node} would be better by ${numberInWords(gap)} now`;
}

/** The best few of many; ties go to the first name, as in placement: nodes come in the order of their ids. */
class BestFew {
  readonly #most: number;
  readonly #few: Choice[] = [];
  constructor(most: number) {
    this.#most = most;
  }
  put(choice: Choice): void {
    if (this.#few.length >= this.#most && this.#few[this.#most - 1]!.score >= choice.score) return;
    const after = this.#few.findIndex(({ score }) => score < choice.score);
    this.#few.splice(after < 0 ? this.#few.length : after, 0, choice);
    if (this.#few.length > this.#most) this.#few.pop();
  }
  list(): readonly Choice[] {
    return this.#few;
  }
}
