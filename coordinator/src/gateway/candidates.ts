// The places of a model as candidates for a request: what nodes report, with what the gateway itself has under way there. In: places of the
// directory. Out: plain rows for the pure rules of placement/route.
import { isApart, type ModelLoad, mixedPrice, priceOn } from '@blackroad/protocol';
import { worthOf } from '../fleet/health.ts';
import { slotsForLess } from '../placement/model/comfort.ts';
import { closedOf } from '../placement/model/snapshot.ts';
import type { RouteCandidate } from '../placement/route/candidate.ts';
import type { View } from '../state/view.ts';
import type { Place } from './directory.ts';
import type { LanePlace, Lanes, OwnWait } from './lanes.ts';

interface Failing {
  /** Why requests leave the model on the node alone for now; null: they do not. */
  of(node: string, model: Place['model']): string | null;
}

interface Around {
  view: View;
  lanes: Lanes;
  /** Of a request that waits already. */
  own?: OwnWait | undefined;
  failing: Failing;
  nowMs: number;
  /** The share of a model's slots that is kept for larger models of its node. */
  reserve: number;
}

export function candidateOf(place: Place, { view, lanes, own, failing, nowMs, reserve }: Around): RouteCandidate {
  const { row, live, model } = place;
  const load = lanes.loadOf(laneOf(place), own);
  const price = priceOn(live.capacity, model.name);
  const fault = view.modelFaults.get(row.id)?.get(model.name);
  return {
    node: row.id,
    class: row.class,
    isApart: isApart(row),
    closed: closedOf(row, live),
    model,
    failing: fault && nowMs < fault.untilMs ? fault.reason : failing.of(row.id, model),
    ...load,
    health: worthOf(live).factor,
    pricePerMillionTokens: price ? mixedPrice(price) : 0,
    slotsForLess: slotsForLess({ models: live.capacity?.models ?? [], reserve }, model),
  };
}

export function laneOf(place: Place): LanePlace {
  const { kind, slots, name } = place.model;
  return { node: place.row.id, model: name, kind, slots, told: toldLoad(place) };
}
/** The node's last word on the load of the model. */
function toldLoad({ live, model }: Place): ModelLoad | undefined {
  return live.health?.models?.find(({ name }) => name === model.name);
}
