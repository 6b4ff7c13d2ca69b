// Why an agent is where it is, why nowhere else, and what would place it: asked of the fleet as it stands, by the filters and scores
// that placement itself uses. Its own load is taken off its node first, so that its node is judged like any other.
// In: the view. Out: the answer, in slices: ten thousand nodes take longer than the event loop may be held. Changes nothing.
import type { AgentSpec, NodeScore, PlacementExplained, Refusal } from '@blackroad/protocol';
import type { Policy } from '../input.ts';
import type { View } from '../view.ts';
import { Company } from './company.ts';
import { firstRefusal } from './feasible.ts';
import { pendingOf } from './need.ts';
import { findOffer, isFitting, openRoom, type Room, useOf } from './room.ts';
import { type Choice, explainScores, round, scoreOf } from './score.ts';
import { supplying } from './snapshot.ts';
import { suppose } from './supposed.ts';
import { explainUnplaced, RefusalCount } from './why.ts';
import { counted, numberInWords } from './words.ts';

type Row = NonNullable<ReturnType<View['agents']['get']>>;
/** Other nodes that are shown. */
const maxOthers = 5;
/** Nodes looked at in one slice: a few milliseconds. */
const sliceNodes = 250;

const nobodyMoves: ReadonlyMap<string, never> = new Map();

interface ClassCount {
  nodes: number;
  wouldTake: number;
  refused: RefusalCount;
}

/** null: there is no such agent. */
export function* explaining(
  view: View,
  agent: string,
  nowMs: number,
  policy: Policy,
): Generator<void, PlacementExplained | null> {
  const row = view.agents.get(agent);
  if (!row) return null;
  const apart = suppose(view, { agents: new Map([[agent, { ...row, placement: null }]]) });
  const { nodes } = yield* supplying(apart, nowMs, policy, nobodyMoves);
  const spec = row.spec as AgentSpec;
  const use = useOf(spec);
  const last = row.placement?.node ?? row.last ?? null;
  const conflicts = new Company(snapshot).conflictsOf(agent);
  const rooms: Room[] = [];
  const classes = new Map<string, ClassCount>();
  const all = new RefusalCount();
  const best = new BestFew(maxOthers + 1);
  let here: NodeScore | null = null;
  let refusedHere: Refusal | null = null;
  let wouldTake = 0;
  for (const node of snapshot.nodes) {
    const room = openRoom(node);
    if (rooms.push(room) % sliceNodes === 0) yield;
    const isHere = node.id === row.placement?.node;
    const count = classOf(classes, node.class);
    count.nodes++;
    const refusal = firstRefusal({ spec, use, room, conflicts });
    if (refusal) {
      count.refused.add(refusal, node.id);
      all.add(refusal, node.id);
      if (isHere) refusedHere = refusal;
    } else {
      count.wouldTake++;
      wouldTake++;
    }
    if (refusal && !isHere) continue;
    const choice = bestChoice(spec, room, last);
    if (choice && isHere) here = scored(choice, true);
    if (choice && !refusal) best.put(choice, scoreOf(choice));
  }
  const others = best
    .list()
    .map((choice) => scored(choice, false))
    .filter(({ node }) => node !== row.placement?.node)
    .slice(0, maxOthers);
  const unplaced = unplacedOf(row, wouldTake, () => explainUnplaced(spec, use, rooms, [...rooms.keys()], all));
  return {
    agent,
    node: row.placement?.node ?? null,
    placedMs: row.placement?.placedMs ?? null,
    text: sentence(row, { here, others, wouldTake, refusedHere, unplaced }),
    pending: row.placement ? pendingOf(view, row, nowMs, policy) : null,
    here,
    others,
    classes: [...classes.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { nodes, wouldTake, refused }]) => ({ class: name, nodes, wouldTake, refused: refused.list() })),
    unplaced,
  };
}

/** Nowhere, with what would change it; or on a node it should leave, and nobody else takes it. */
function unplacedOf(
  { placement, unplaced }: Row,
  wouldTake: number,
  explain: () => { text: string; fix: string },
): PlacementExplained['unplaced'] {
  if (placement) return unplaced && { text: unplaced.text, fix: unplaced.fix };
  if (wouldTake > 0) return null;
  const { text, fix } = explain();
  return { text, fix };
}

function sentence(
  { name, placement }: Row,
  found: Pick<PlacementExplained, 'here' | 'others' | 'unplaced'> & { wouldTake: number; refusedHere: Refusal | null },
): string {
  const { here, others, wouldTake, refusedHere, unplaced } = found;
  const [best] = others;
  if (!placement) {
    if (unplaced) return `${name} is on no node: ${unplaced.text}`;
    return `${name} is on no node yet: ${best?.node} is the best of ${counted(wouldTake, 'node')} that would take it, and placement is about to say so`;
  }
  const on = `${name} is on ${placement.node} with ${placement.model}`;
  if (refusedHere) return `${on}, which would not take it anew (${refusedHere.filter}: ${refusedHere.text})`;
  if (!best) return `${on}, the only node that would take it`;
  const gap = best.score - (here?.score ?? 0);
  if (gap > 0.0005)
    return `${on}; ${best.node} would be better by ${numberInWords(gap)} now, and an agent that works is not moved for that alone`;
  return `${on}, the best of ${counted(wouldTake, 'node')} that would take it`;
}

function classOf(classes: Map<string, ClassCount>, name: string): ClassCount {
  let count = classes.get(name);
  if (!count) {
    count = { nodes: 0, wouldTake: 0, refused: new RefusalCount() };
    classes.set(name, count);
  }
  return count;
}
function bestChoice(spec: AgentSpec, room: Room, last: string | null): Choice | null {
  let best: Choice | null = null;
  const use = useOf(spec);
  for (let rank = 0; rank < spec.model.length; rank++) {
    const offer = findOffer(room, spec.model[rank]!);
    if (!offer || !isFitting(room, offer, use)) continue;
    const choice: Choice = { room, offer, use, rank, last };
    if (!best || scoreOf(choice) > scoreOf(best)) best = choice;
  }
  return best;
}
function scored(choice: Choice, isHere: boolean): NodeScore {
  return {
    node: choice.room.node.id,
    model: choice.offer.model.name,
    score: round(scoreOf(choice)),
    scores: explainScores(choice),
    isHere,
  };
}

/** The best few of many, ties by name as placement breaks them. */
class BestFew {
  readonly #most: number;
  #few: { choice: Choice; score: number }[] = [];
  constructor(most: number) {
    this.#most = most;
  }
  put(choice: Choice, score: number): void {
    const worst = this.#few[this.#most - 1];
    if (worst && worst.score > score) return;
    this.#few.push({ choice, score });
    this.#few.sort((a, b) => b.score - a.score || (a.choice.room.node.id < b.choice.room.node.id ? -1 : 1));
    this.#few.length = Math.min(this.#few.length, this.#most);
  }
  list(): Choice[] {
    return this.#few.map(({ choice }) => choice);
  }
}
