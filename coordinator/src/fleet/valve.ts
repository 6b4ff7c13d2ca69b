// The valve: when a large share of a site or of the fleet is away at once, the cause is most likely the network or the coordinator, and
// moving agents would do harm. Agents of the absent nodes, and no others, are frozen with the reason in words, until enough nodes are
// online again or a person resumes the moves. Nodes that are away then are excused: they do not freeze it again. [INV-frozen] [INV-let-go]
import { type EventParams, eventWords } from '@blackroad/protocol';
import { change, type Draft, noteEvent } from '../state/draft.ts';
import type { Policy } from '../state/input.ts';
import { type Freeze, freezeAt, type NodeRow } from '../state/rows.ts';

interface Group {
  here: number;
  away: number;
}
interface Judging {
  draft: Draft;
  policy: Policy;
  before: readonly Freeze[];
  sites: ReadonlyMap<string, Group>;
  /** The freezes that are not among `before`, with the params of their events. */
  fresh: Map<Freeze, EventParams<'moves-frozen'>>;
}

export function judgeValve(draft: Draft, policy: Policy): void {
  const before = draft.view.frozen;
  const judging: Judging = { draft, policy, before, sites: countSites(draft, before, policy), fresh: new Map() };
  const after = [...judgeFleet(judging), ...judgeSites(judging)];
  // A fleet at one site has one freeze, that of the fleet; and while the whole fleet is frozen no site needs its own.
  const whole = after.find(({ site }) => site === null);
  const kept = whole ? after.filter((freeze) => freeze === whole || before.includes(freeze)) : after;
  if (kept.length === before.length && kept.every((freeze, i) => freeze === before[i])) return;
  change(draft, { type: 'frozen', frozen: kept });
  for (const [freeze, params] of judging.fresh) if (kept.includes(freeze)) noteEvent(draft, 'moves-frozen', params);
  const frozen = kept.map(({ site }) => site);
  for (const { site } of before)
    if (!frozen.includes(site)) noteEvent(draft, 'moves-resumed', { ...(site === null ? {} : { site }), frozen });
}

/**
 * The counts of nodes by site. While a site is frozen, each node that went away shortly before or since the freeze counts, however long
 * ago.
 */
function countSites(draft: Draft, before: readonly Freeze[], policy: Policy): Map<string, Group> {
  const sites = new Map<string, Group & { sinceMs: number }>();
  for (const row of draft.nodes.values()) {
    if (row.status !== 'active' || row.presence === 'never') continue;
    let site = sites.get(row.site);
    if (!site) {
      const frozen = freezeAt(before, row.site);
      site = { here: 0, away: 0, sinceMs: (frozen?.sinceMs ?? draft.nowMs) - policy.valveWindowMs };
      sites.set(row.site, site);
    }
    if (row.presence === 'online') site.here++;
    else if (counts(draft, row, site.sinceMs)) site.away++;
  }
  return sites;
}
function counts(draft: Draft, row: NodeRow, sinceMs: number): boolean {
  if (draft.view.excused.has(row.id) || row.presenceSinceMs < sinceMs) return false;
  if (row.presenceCause === 'stopped') return false;
  return row.presence === 'lost' || row.presenceCause !== 'restarted';
}
/** A freeze ends only at half the share that began it, so that it does not begin and end repeatedly. */
function exceeds({ here, away }: Group, frozen: boolean, policy: Policy): boolean {
  const share = frozen ? policy.valveShare / 2 : policy.valveShare;
  return away >= policy.valveMinNodes && away > share * (here + away);
}

/** The freeze of the whole fleet, unless the absent nodes are at one site and the other sites are well. */
function judgeFleet(judging: Judging): Freeze[] {
  const { before, sites, policy } = judging;
  const old = before.find(({ site }) => site === null);
  const all = { here: 0, away: 0 };
  let worst: Group = { here: 0, away: 0 };
  for (const group of sites.values()) {
    all.here += group.here;
    all.away += group.away;
    if (group.away > worst.away) worst = group;
  }
  if (!exceeds(all, old !== undefined, policy)) return [];
  if (sites.size > 1 && exceeds(worst, false, policy)) {
    const rest = { here: all.here - worst.here, away: all.away - worst.away };
    if (rest.away <= policy.valveShare * (old ? 0.5 : 1) * (rest.here + rest.away)) return [];
  }
  return [old ?? freezeOf(judging, null, all)];
}
function judgeSites(judging: Judging): Freeze[] {
  const { before, sites, policy } = judging;
  const frozen: Freeze[] = [];
  for (const [site, group] of sites) {
    const old = before.find((freeze) => freeze.site === site);
    if (exceeds(group, old !== undefined, policy)) frozen.push(old ?? freezeOf(judging, site, group));
  }
  return sites.size > 1 ? frozen : frozen.filter((freeze) => before.includes(freeze));
}

function freezeOf({ draft, policy, fresh }: Judging, site: string | null, { here, away }: Group): Freeze {
  const seconds = Math.round(policy.valveWindowMs / 1000);
  const params = { ...(site === null ? {} : { site }), away, nodes: here + away, seconds };
  const reason = eventWords('moves-frozen', params);
  const freeze = { site, sinceMs: draft.nowMs, reason, released: [] };
  fresh.set(freeze, params);
  return freeze;
}
