// The present alerts: troubles of nodes and agents, computed again only when rows that they depend on were touched; equal troubles are one
// alert. In: the rows that batches touched. Out: alerts, and the ids of those that changed. It decides nothing; an acknowledgement is an
// input like any other.
import { type Alert, coordinatorSelf, maxAlertNames, maxAlerts, type VectorStoreStand } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { inSlices } from '@blackroad/std/slices';
import { type PeopleDoorProblem, peopleDoorTroubles } from '../fleet/people-door-troubles.ts';
import type { Trouble } from '../fleet/trouble.ts';
import { agentTroubles, fleetTroubles, neverSeenMs, nodeTroubles, settlingMs } from '../fleet/troubles.ts';
import { vectorStoreTroubles } from '../fleet/vector-store-troubles.ts';
import { webhookTroubles } from '../fleet/webhook-troubles.ts';
import type { Coordinator } from '../road/coordinator.ts';
import { rolloutTroubles } from '../rollouts/troubles.ts';
import type { Touched } from '../state/touched.ts';
import type { View } from '../state/view.ts';
import { TroubleGroups } from './trouble-groups.ts';

/** Subjects examined in one step: a few milliseconds of work. */
const maxLooks = 1_500;
/** An acknowledgement stays for this long after its alert, so that a trouble that comes and goes is not news each time. */
const ackGraceMs = 60_000;
/** After a start an alert counts as ended only after this time, in which nodes connect. */
const ackRestMs = 10 * 60_000;
const maxActions = 6;
const severities = ['error', 'warning', 'info'];

interface AlertBoardParts {
  coordinator: Coordinator;
  clock: Clock;
  deadLetters: () => number;
  /** Missing: there is none. */
  vectorStore?: (() => VectorStoreStand | null) | undefined;
  peopleDoor?: { stand(): PeopleDoorProblem } | null | undefined;
}

export class AlertBoard {
  readonly #parts: AlertBoardParts;
  readonly #view: View;
  readonly #groups = new TroubleGroups();
  /** The subjects to examine again. */
  readonly #nodes: Set<string>;
  readonly #agents: Set<string>;
  /** Subjects that may have a trouble by time alone, with the time from which on they are examined again. */
  readonly #laterMs = { nodes: new Map<string, number>(), agents: new Map<string, number>() };
  /** The alerts as they were last published. */
  readonly #told = new Map<string, Alert>();
  readonly #ackGoneMs = new Map<string, number>();
  #fleetMs = Number.NEGATIVE_INFINITY;

  constructor(parts: AlertBoardParts) {
    this.#parts = parts;
    this.#view = parts.coordinator.view;
    this.#nodes = new Set(this.#view.nodes.keys());
    this.#agents = new Set(this.#view.agents.keys());
  }

  note(touched: Touched, followers: readonly string[]): void {
    for (const id of touched.alerts) this.#groups.changed.add(id);
    for (const id of touched.nodes) this.#nodes.add(id);
    for (const name of touched.agents) this.#agents.add(name);
    for (const name of followers) this.#agents.add(name);
  }

  /** Examines some of the touched subjects; returns the ids of alerts that changed. */
  refresh(): readonly string[] {
    let left = maxLooks;
    for (const work = this.#looking(); left > 0 && !work.next().done; ) left--;
    this.#takeBackAcks();
    return this.#publish();
  }

  /** Examines all touched subjects. */
  async refreshAll(): Promise<void> {
    this.#fleetMs = Number.NEGATIVE_INFINITY;
    await inSlices(this.#looking(), this.#parts.clock);
  }

  alert(id: string): Alert | null {
    const members = this.#groups.members(id);
    if (!members) return null;
    const troubles = [...members.values()];
    const [first] = troubles as [Trouble];
    const known = this.#view.acknowledged.get(id);
    const count = first.kind === 'dead-letters' ? this.#parts.deadLetters() : troubles.length;
    const names = (of: 'node' | 'agent') => [...new Set(troubles.flatMap((trouble) => trouble[of] ?? []))].sort();
    return {
      id,
      kind: first.kind,
      code: first.code ?? null,
      severity: troubles.some(({ severity }) => severity === 'error') ? 'error' : first.severity,
      title: troubles.length === 1 ? first.title : `${troubles.length} ${first.many}`,
      text: first.text,
      sinceMs: this.#groups.sinceMs(id),
      count,
      site: first.site,
      nodes: names('node').slice(0, maxAlertNames),
      agents: names('agent').slice(0, maxAlertNames),
      actions: distinct(troubles.slice(0, maxActions).flatMap(({ actions }) => actions)).slice(0, maxActions),
      acknowledged: known && known.count >= count ? { by: known.by, atMs: known.atMs, note: known.note } : null,
    };
  }

  /** Worst first. */
  alerts(): Alert[] {
    return [...this.#groups.ids()]
      .map((id) => this.alert(id) as Alert)
      .sort(
        (a, b) =>
          severities.indexOf(a.severity) - severities.indexOf(b.severity) || b.count - a.count || a.sinceMs - b.sinceMs,
      )
      .slice(0, maxAlerts);
  }

  *#looking(): Generator<void, void> {
    const { coordinator, clock } = this.#parts;
    const view = this.#view;
    const nowMs = clock.nowMs();
    this.#lookLater(nowMs, 'nodes', this.#nodes);
    this.#lookLater(nowMs, 'agents', this.#agents);
    const { certificateMs } = coordinator.policy;
    if (clock.monotonicMs() - this.#fleetMs >= 1000) {
      this.#fleetMs = clock.monotonicMs();
      this.#lookAtFleet(nowMs);
    }
    for (const id of this.#nodes) {
      this.#nodes.delete(id);
      const row = view.nodes.get(id);
      const atMs = (row?.enrolledMs ?? 0) + neverSeenMs;
      if (row?.presence === 'never' && nowMs < atMs) this.#laterMs.nodes.set(id, atMs);
      this.#groups.set(`node ${id}`, nodeTroubles(view, id, nowMs, certificateMs), clock.nowMs());
      yield;
    }
    for (const name of this.#agents) {
      this.#agents.delete(name);
      const row = view.agents.get(name);
      const atMs = (row?.updatedMs ?? 0) + settlingMs;
      if (row && !row.placement && nowMs < atMs) this.#laterMs.agents.set(name, atMs);
      this.#groups.set(`agent ${name}`, agentTroubles(view, name, nowMs), clock.nowMs());
      yield;
    }
  }
  #lookLater(nowMs: number, kind: 'nodes' | 'agents', subjects: Set<string>): void {
    for (const [subject, atMs] of this.#laterMs[kind]) {
      if (nowMs < atMs) continue;
      this.#laterMs[kind].delete(subject);
      subjects.add(subject);
    }
  }
  #lookAtFleet(nowMs: number): void {
    const found = [
      ...fleetTroubles(this.#view, nowMs, this.#parts.deadLetters()),
      ...rolloutTroubles(this.#view),
      ...webhookTroubles(this.#view),
      ...vectorStoreTroubles(this.#parts.vectorStore?.() ?? null, nowMs),
      ...peopleDoorTroubles(this.#parts.peopleDoor?.stand() ?? null, nowMs),
    ];
    for (const subject of this.#groups.subjects())
      if (subject.startsWith('fleet ') && !found.some(({ group }) => subject === `fleet ${group}`))
        this.#groups.set(subject, [], nowMs);
    for (const trouble of found) this.#groups.set(`fleet ${trouble.group}`, [trouble], nowMs);
  }

  /** Takes back the acknowledgements of alerts that ended for good, so that the next such alert is news. */
  #takeBackAcks(): void {
    const { coordinator, clock } = this.#parts;
    const { acknowledged, startedMs } = this.#view;
    const nowMs = clock.monotonicMs();
    if (clock.nowMs() - startedMs < ackRestMs) return;
    const gone: string[] = [];
    for (const id of this.#ackGoneMs.keys()) if (!acknowledged.has(id)) this.#ackGoneMs.delete(id);
    for (const id of acknowledged.keys()) {
      if (this.#groups.members(id)) this.#ackGoneMs.delete(id);
      else if (!this.#ackGoneMs.has(id)) this.#ackGoneMs.set(id, nowMs);
      else if (nowMs - (this.#ackGoneMs.get(id) as number) >= ackGraceMs) gone.push(id);
    }
    if (gone.length > 0) coordinator.submit('alert-unack', { by: coordinatorSelf, ids: gone }).catch(() => {}); // it is submitted again
  }

  #publish(): string[] {
    const told: string[] = [];
    for (const id of this.#groups.changed) {
      const alert = this.alert(id);
      const before = this.#told.get(id);
      if (alert === null ? !this.#told.delete(id) : JSON.stringify(alert) === JSON.stringify(before)) continue;
      if (alert !== null) this.#told.set(id, alert);
      told.push(id);
    }
    this.#groups.changed.clear();
    return told;
  }
}

function distinct<T>(values: T[]): T[] {
  const seen = new Set<string>();
  return values.filter((value) => !seen.has(JSON.stringify(value)) && seen.add(JSON.stringify(value)));
}
