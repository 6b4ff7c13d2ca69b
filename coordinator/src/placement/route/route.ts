// The node that answers a request. In: the request, and every model on a node that might. Out: the choice with its reason, the others in
// order, and why the rest was refused. Pure: the same snapshot always gives the same answer.
//
// A request that names a model is answered where its answer is finished first. One that asks for a tier is answered by the least hardware
// that is fast enough for people to read along, so that larger machines keep their room; among models of equal hardware by the largest. A
// node that costs money comes after all others, and a model that failed on a node lately after those that did not.
import { counted, hardwareOf, type TierWish, tierOf, tiers } from '@blackroad/protocol';
import { compareText } from '@blackroad/std/pace';
import type { Estimated, Expected, Route, RouteAsk, RouteCandidate, RouteRefused } from './candidate.ts';
import { estimate, hasRead } from './estimate.ts';
import { refusedBy } from './filters.ts';

export function route(ask: RouteAsk, candidates: readonly RouteCandidate[]): Route {
  const open: Estimated[] = [];
  const refused: RouteRefused[] = [];
  for (const candidate of candidates) {
    const filter = refusedBy(ask, candidate);
    const { node, model } = candidate;
    if (filter) refused.push({ node, model: model.name, filter: filter.name, text: filter.words(ask, candidate) });
    else open.push({ candidate, expected: estimate(ask, candidate) });
  }
  const ordered = 'tier' in ask.want ? byTier(ask, ask.want.tier, open) : open.toSorted(byCost);
  const [chosen = null, ...others] = ordered;
  return { chosen, why: chosen ? whyOf(ask, chosen, others) : '', others, refused };
}

/** The time until the answer is finished; longer where the node is unwell, and after all others where it costs money. */
function costOf({ candidate, expected }: Estimated): number {
  return expected.finishMs / Math.max(0.05, candidate.health);
}
function byCost(a: Estimated, b: Estimated): number {
  return (
    Number(hasFailed(a)) - Number(hasFailed(b)) ||
    a.candidate.pricePerMillionTokens - b.candidate.pricePerMillionTokens ||
    costOf(a) - costOf(b) ||
    compareText(a.candidate.node, b.candidate.node)
  );
}
const hasFailed = ({ candidate }: Estimated) => candidate.failing !== null;

function byTier(ask: RouteAsk, wish: TierWish, open: readonly Estimated[]): Estimated[] {
  const wished =
    ask.kind === 'embed'
      ? open
      : open.filter(({ candidate }) => wish === 'auto' || tierOf(candidate.model).name === wish);
  const rank = ({ candidate }: Estimated) => tiers.indexOf(tierOf(candidate.model)) * 100 + hardwareOf(candidate.class);
  return wished.toSorted((a, b) => {
    if (hasFailed(a) !== hasFailed(b)) return hasFailed(a) ? 1 : -1;
    const price = a.candidate.pricePerMillionTokens - b.candidate.pricePerMillionTokens;
    if (price !== 0) return price;
    const [fastA, fastB] = [isFastEnough(a), isFastEnough(b)];
    if (fastA !== fastB) return fastA ? -1 : 1;
    if (!fastA) return byCost(a, b);
    return rank(a) - rank(b) || sizeOf(b) - sizeOf(a) || byCost(a, b);
  });
}
const sizeOf = ({ candidate: { model } }: Estimated) => model.parametersB || model.sizeBytes / 1e9;

function isFastEnough({ candidate, expected }: Estimated): boolean {
  const { tokensPerS, firstTokenMs } = tierOf(candidate.model);
  return expected.tokensPerS >= tokensPerS && expected.firstMs <= firstTokenMs;
}

function whyOf(ask: RouteAsk, chosen: Estimated, others: readonly Estimated[]): string {
  const { candidate, expected } = chosen;
  const because = reasonOf(ask, chosen, others);
  const of =
    others.length === 0 ? 'the only one that can' : `the best of ${counted(others.length + 1, 'model')} on nodes`;
  return `${candidate.model.name} on ${candidate.node}: ${because}; ${speedWords(ask, expected)}; ${of}`;
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
