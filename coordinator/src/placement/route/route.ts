// The node that answers a request. In: the request, and every model on a node that might. Out: the choice with its reason, the others in
// order, and why the rest was refused. Pure: the same snapshot always gives the same answer.
//
// A request that names a model is answered where its answer is finished first. One that asks for a tier is answered by the least hardware
// that is fast enough for people to read along, so that larger machines keep their room; among models of equal hardware by the largest. A
// node that costs money comes after every free one that can answer: one that has not failed lately, and whose queue is no longer than people
// wait. A list of models is tried in its own order, before any of this.
import { counted, hardwareOf, type TierWish, tellsNoSize, tierOf, tiers } from '@blackroad/protocol';
import { compareText } from '@blackroad/std/pace';
import type { Estimated, Expected, Route, RouteAsk, RouteCandidate, RouteRefused } from './candidate.ts';
import { estimate, hasRead } from './estimate.ts';
import { costs, priceWords, refusedBy } from './filters.ts';

export function route(ask: RouteAsk, candidates: readonly RouteCandidate[]): Route {
  const open: Estimated[] = [];
  const refused: RouteRefused[] = [];
  /** The first one that would have cost nothing. */
  let noFree: RouteRefused | null = null;
  for (const candidate of candidates) {
    const filter = refusedBy(ask, candidate);
    const { node, model } = candidate;
    if (!filter) {
      open.push({ candidate, expected: estimate(ask, candidate) });
      continue;
    }
    const row = { node, model: model.name, filter: filter.name, text: filter.words(ask, candidate) };
    refused.push(row);
    if (!costs(candidate)) noFree ??= row;
  }
  const turnOf = turns(open);
  const ordered =
    'tier' in ask.want ? byTier(ask, ask.want.tier, open, turnOf) : open.toSorted((a, b) => byCost(a, b, turnOf));
  const [chosen = null, ...others] = ordered;
  return { chosen, why: chosen ? whyOf(ask, chosen, others, noFree) : '', others, refused };
}

/** The time until the answer is finished; longer where the node is unwell, and after all others where it costs money. */
function costOf({ candidate, expected }: Estimated): number {
  return expected.finishMs / Math.max(0.05, candidate.health);
}
type TurnOf = (one: Estimated) => number;
function byCost(a: Estimated, b: Estimated, turnOf: TurnOf): number {
  return (
    turnOf(a) - turnOf(b) ||
    a.candidate.pricePerMillionTokens - b.candidate.pricePerMillionTokens ||
    costOf(a) - costOf(b) ||
    compareText(a.candidate.node, b.candidate.node)
  );
}
const hasFailed = ({ candidate }: Estimated) => candidate.failing !== null;
/**
 * Free ones that can answer, then those that cost money, then free ones with a long queue, which are no other than the rest where nothing is
 * paid; last what failed lately.
 */
function turns(open: readonly Estimated[]): TurnOf {
  const mayPay = open.some(({ candidate }) => costs(candidate));
  return (one) => {
    if (hasFailed(one)) return costs(one.candidate) ? 4 : 3;
    if (costs(one.candidate)) return 1;
    return mayPay && isOverloaded(one) ? 2 : 0;
  };
}
/** People would wait longer for its turn than they wait for a first word. */
const isOverloaded = ({ candidate, expected }: Estimated) => expected.waitMs > tierOf(candidate.model).firstTokenMs;

function byTier(ask: RouteAsk, wish: TierWish, open: readonly Estimated[], turnOf: TurnOf): Estimated[] {
  const wished = ask.kind === 'embed' ? open : open.filter(({ candidate }) => isOfTier(candidate, wish));
  const rank = ({ candidate }: Estimated) => tiers.indexOf(tierOf(candidate.model)) * 100 + hardwareOf(candidate.class);
  return wished.toSorted((a, b) => {
    const turn = turnOf(a) - turnOf(b);
    if (turn !== 0) return turn;
    const price = a.candidate.pricePerMillionTokens - b.candidate.pricePerMillionTokens;
    if (price !== 0) return price;
    const [fastA, fastB] = [isFastEnough(a), isFastEnough(b)];
    if (fastA !== fastB) return fastA ? -1 : 1;
    if (!fastA) return byCost(a, b, turnOf);
    return rank(a) - rank(b) || sizeOf(b) - sizeOf(a) || byCost(a, b, turnOf);
  });
}
/** What is paid for and tells no size serves any tier: it is asked last anyway. */
function isOfTier(candidate: RouteCandidate, wish: TierWish): boolean {
  const { model } = candidate;
  return wish === 'auto' || tierOf(model).name === wish || (costs(candidate) && tellsNoSize(model));
}
const sizeOf = ({ candidate: { model } }: Estimated) => model.parametersB || model.sizeBytes / 1e9;

function isFastEnough({ candidate, expected }: Estimated): boolean {
  const { tokensPerS, firstTokenMs } = tierOf(candidate.model);
  return expected.tokensPerS >= tokensPerS && expected.firstMs <= firstTokenMs;
}

function whyOf(ask: RouteAsk, chosen: Estimated, others: readonly Estimated[], noFree: RouteRefused | null): string {
  const { candidate, expected } = chosen;
  const because = costs(candidate) ? paidReason(chosen, others, noFree) : reasonOf(ask, chosen, others);
  const of =
    others.length === 0 ? 'the only one that can' : `the best of ${counted(others.length + 1, 'model')} on nodes`;
  return `${candidate.model.name} on ${candidate.node}: ${because}; ${speedWords(ask, expected)}; ${of}`;
}
/** Why money is spent: what keeps the free ones from answering, as far as there are some. */
function paidReason({ candidate }: Estimated, others: readonly Estimated[], noFree: RouteRefused | null): string {
  const price = priceWords(candidate);
  const free = others.find(({ candidate: other }) => !costs(other));
  if (free) {
    const { node, failing } = free.candidate;
    return `${price}; ${node} is free, but ${failing === null ? 'its queue is too long' : `it failed lately: ${failing}`}`;
  }
  return `${price}; no free machine can answer${noFree ? ` (${noFree.node}: ${noFree.text})` : ''}`;
}
function reasonOf(ask: RouteAsk, chosen: Estimated, others: readonly Estimated[]): string {
  if (hasRead(ask, chosen.candidate)) return 'it has read this conversation';
  if ('tier' in ask.want && ask.kind === 'chat') {
    return isFastEnough(chosen) ? 'the least hardware that is fast enough' : 'none is fast enough, it is done first';
  }
  const busier = others.some(({ candidate }) => candidate.busy >= candidate.slots);
  return busier && chosen.candidate.busy < chosen.candidate.slots ? 'it has a free slot' : 'it is done first';
}
function speedWords({ kind }: RouteAsk, { firstMs, waitMs, loadMs, tokensPerS }: Expected): string {
  const seconds = (ms: number) => (ms < 9_950 ? (ms / 1000).toFixed(1) : String(Math.round(ms / 1000)));
  const parts = [
    ...(loadMs > 0 ? [`${seconds(loadMs)} s to load it`] : []),
    ...(waitMs > 0 ? [`${seconds(waitMs)} s of waiting`] : []),
  ];
  const first = `about ${seconds(firstMs)} s to the ${kind === 'embed' ? 'vectors' : 'first token'}`;
  const speed = kind === 'embed' ? '' : `, ${Math.round(tokensPerS)} tokens a second`;
  return `${first}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}${speed}`;
}
