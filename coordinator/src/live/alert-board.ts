// The alerts as they stand: troubles of nodes and agents, looked at anew only when what they come from was touched, alike ones made one
// alert. In: what a batch touched. Out: alerts, and which of them changed. It decides nothing; acknowledgements go down the one road.
import { type Alert, alertKinds, coordinatorSelf, maxAlertNames, maxAlerts } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { inSlices } from '@blackroad/std/slices';
import {
  agentTroubles,
  fleetTroubles,
  neverSeenMs,
  nodeTroubles,
  settlingMs,
  type Trouble,
} from '../fleet/troubles.ts';
import type { Coordinator } from '../road/coordinator.ts';
import type { Touched } from '../state/touched.ts';

/** Things looked at in one step: a few milliseconds. */
const maxLooks = 1_500;
/** An acknowledgement outlives its alert this long: what flaps is not news each time. */
const ackGraceMs = 60_000;
/** After a start nodes must be heard of first before an alert may count as gone. */
const ackRestMs = 10 * 60_000;
const maxActions = 6;
const severities = ['error', 'warning', 'info'];

export interface AlertBoard {
  note(touched: Touched, followers: readonly string[]): void;
  /** Looks at some of what was touched; answers the ids of alerts that changed. */
  refresh(): readonly string[];
  /** Looks at all of it. */
  settle(): Promise<void>;
  alert(id: string): Alert | null;
  /** Worst first. */
  alerts(): Alert[];
}

export function createAlertBoard(parts: {
  coordinator: Coordinator;
  clock: Clock;
  deadLetters: () => number;
}): AlertBoard {
  const { coordinator, clock } = parts;
  const { view, policy } = coordinator;
  const nodes = new Set<string>(view.nodes.keys());
  const agents = new Set<string>(view.agents.keys());
  /** Troubles that time alone brings: from when on who has none yet is looked at again. */
  const laterMs = { nodes: new Map<string, number>(), agents: new Map<string, number>() };
  const bySubject = new Map<string, Trouble[]>();
  const groups = new Map<string, Map<string, Trouble>>();
  const sinceMs = new Map<string, number>();
  const alerts = new Map<string, Alert>();
  const changed = new Set<string>();
  const ackGoneMs = new Map<string, number>();
  let fleetMs = Number.NEGATIVE_INFINITY;

  /** One kind of trouble with a thousand causes is one alert. */
  function bounded(trouble: Trouble): Trouble {
    if (groups.has(trouble.group) || groups.size < maxAlerts - alertKinds.length) return trouble;
    const group = `${trouble.kind}:others`;
    const { code, ...rest } = trouble;
    return { ...rest, group, many: 'more of the same kind', text: 'There are too many to show each by itself.' };
  }
  function set(subject: string, found: Trouble[]) {
    const troubles = found.map(bounded);
    const before = bySubject.get(subject) ?? [];
    if (before.length === 0 && troubles.length === 0) return;
    for (const { group } of before) {
      if (troubles.some((trouble) => trouble.group === group)) continue;
      const members = groups.get(group);
      members?.delete(subject);
      if (members?.size === 0) groups.delete(group);
      sinceMs.delete(`${group} ${subject}`);
      changed.add(group);
    }
    for (const trouble of troubles) {
      let members = groups.get(trouble.group);
      if (!members) {
        members = new Map();
        groups.set(trouble.group, members);
      }
      members.set(subject, trouble);
      const key = `${trouble.group} ${subject}`;
      if (!sinceMs.has(key)) sinceMs.set(key, trouble.sinceMs ?? clock.nowMs());
      changed.add(trouble.group);
    }
    if (troubles.length > 0) bySubject.set(subject, troubles);
    else bySubject.delete(subject);
  }
  function lookLater(nowMs: number, kind: 'nodes' | 'agents', subjects: Set<string>) {
    for (const [subject, atMs] of laterMs[kind]) {
      if (nowMs < atMs) continue;
      laterMs[kind].delete(subject);
      subjects.add(subject);
    }
  }
  function* looking(): Generator<void, void> {
    const nowMs = clock.nowMs();
    lookLater(nowMs, 'nodes', nodes);
    lookLater(nowMs, 'agents', agents);
    const { certificateMs } = policy;
    if (clock.monotonicMs() - fleetMs >= 1000) {
      fleetMs = clock.monotonicMs();
      const fleet = fleetTroubles(view, nowMs, parts.deadLetters());
      for (const subject of [...bySubject.keys()])
        if (subject.startsWith('fleet ') && !fleet.some(({ group }) => subject === `fleet ${group}`)) set(subject, []);
      for (const trouble of fleet) set(`fleet ${trouble.group}`, [trouble]);
    }
    for (const id of nodes) {
      nodes.delete(id);
      const row = view.nodes.get(id);
      const atMs = (row?.enrolledMs ?? 0) + neverSeenMs;
      if (row?.presence === 'never' && nowMs < atMs) laterMs.nodes.set(id, atMs);
      set(`node ${id}`, nodeTroubles(view, id, nowMs, certificateMs));
      yield;
    }
    for (const name of agents) {
      agents.delete(name);
      const row = view.agents.get(name);
      const atMs = (row?.updatedMs ?? 0) + settlingMs;
      if (row && !row.placement && nowMs < atMs) laterMs.agents.set(name, atMs);
      set(`agent ${name}`, agentTroubles(view, name, nowMs));
      yield;
    }
  }
  function compose(id: string): Alert | null {
    const members = groups.get(id);
    if (!members) return null;
    const troubles = [...members.values()];
    const [first] = troubles as [Trouble];
    const known = view.acknowledged.get(id);
    const count = first.kind === 'dead-letters' ? parts.deadLetters() : troubles.length;
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const subject of members.keys()) oldestMs = Math.min(oldestMs, sinceMs.get(`${id} ${subject}`) ?? oldestMs);
    const names = (of: 'node' | 'agent') => [...new Set(troubles.flatMap((trouble) => trouble[of] ?? []))].sort();
    return {
      id,
      kind: first.kind,
      code: first.code ?? null,
      severity: troubles.some(({ severity }) => severity === 'error') ? 'error' : first.severity,
      title: troubles.length === 1 ? first.title : `${troubles.length} ${first.many}`,
      text: first.text,
      sinceMs: oldestMs,
      count,
      site: first.site,
      nodes: names('node').slice(0, maxAlertNames),
      agents: names('agent').slice(0, maxAlertNames),
      actions: distinct(troubles.slice(0, maxActions).flatMap(({ actions }) => actions)).slice(0, maxActions),
      acknowledged: known && known.count >= count ? { by: known.by, atMs: known.atMs, note: known.note } : null,
    };
  }
  /** Acknowledgements of alerts that are gone for good are taken back, so that the next one is news. */
  function forget() {
    const nowMs = clock.monotonicMs();
    if (clock.nowMs() - view.startedMs < ackRestMs) return;
    const gone: string[] = [];
    for (const id of ackGoneMs.keys()) if (!view.acknowledged.has(id)) ackGoneMs.delete(id);
    for (const id of view.acknowledged.keys()) {
      if (groups.has(id)) ackGoneMs.delete(id);
      else if (!ackGoneMs.has(id)) ackGoneMs.set(id, nowMs);
      else if (nowMs - (ackGoneMs.get(id) as number) >= ackGraceMs) gone.push(id);
    }
    if (gone.length > 0) coordinator.submit('alert-unack', { by: coordinatorSelf, ids: gone }).catch(() => {}); // asked again
  }
  function publish(): string[] {
    const told: string[] = [];
    for (const id of changed) {
      const alert = compose(id);
      if (alert === null ? !alerts.delete(id) : JSON.stringify(alert) === JSON.stringify(alerts.get(id))) continue;
      if (alert !== null) alerts.set(id, alert);
      told.push(id);
    }
    changed.clear();
    return told;
  }

  return {
    note(touched, followers) {
      for (const id of touched.alerts) changed.add(id);
      for (const id of touched.nodes) nodes.add(id);
      for (const name of touched.agents) agents.add(name);
      for (const name of followers) agents.add(name);
    },
    refresh() {
      let left = maxLooks;
      for (const work = looking(); left > 0 && !work.next().done; ) left--;
      forget();
      return publish();
    },
    async settle() {
      fleetMs = Number.NEGATIVE_INFINITY;
      await inSlices(looking(), clock);
    },
    alert: (id) => compose(id),
    alerts: () =>
      [...groups.keys()]
        .map((id) => compose(id) as Alert)
        .sort(
          (a, b) =>
            severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
            b.count - a.count ||
            a.sinceMs - b.sinceMs,
        )
        .slice(0, maxAlerts),
  };
}

function distinct<T>(values: T[]): T[] {
  const seen = new Set<string>();
  return values.filter((value) => !seen.has(JSON.stringify(value)) && seen.add(JSON.stringify(value)));
}
