// Balena fleets in the view: which device is which node, what of a rollout is to be pinned, and what became of it. In: what the driver of
// balena found and did. Out: changes. It asks balena nothing. Pure.
import { listInWords, type NodeInfo } from '@blackroad/protocol';
import type { BalenaDeviceRow, BalenaPin, BalenaStand } from '../state/balena-stand.ts';
import { change, type Draft, decided, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import type { RolloutSubjectRow } from '../state/rollout-rows.ts';
import type { NodeRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { isLive } from './step.ts';

const maxStep = 500;

/** Balena was asked. */
export const learnBalena: Decide<'balena-found'> = (view, { found }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const { askedMs, fleets } = found;
  const devices = new Map(found.devices.map((device) => [device.uuid, device]));
  const pinned = new Set<string>();
  const stand: BalenaStand = { askedMs, fleets, devices, pinned, ...matched(view.nodes.values(), devices) };
  change(draft, { type: 'balena', stand });
  for (const row of openSubjects(view)) {
    const device = devices.get(row.balena?.device ?? '');
    if (device && row.report?.state === 'pinned') setStep(draft, row, device.status);
  }
  return decided(draft);
};

/** A node is believed which device it runs on, unless it joined as another one, or two nodes say the same. */
function matched(
  nodes: Iterable<Pick<NodeRow, 'id' | 'balenaDevice'> & { info: Pick<NodeInfo, 'balenaDevice'> | null }>,
  devices: ReadonlyMap<string, BalenaDeviceRow>,
): Pick<BalenaStand, 'ofNode' | 'nodeOf' | 'unclear'> {
  const ofNode = new Map<string, { device: string } | { why: string }>();
  const claims = new Map<string, { node: string; isJoined: boolean }[]>();
  for (const { id, balenaDevice, info } of nodes) {
    const said = info?.balenaDevice;
    const device = balenaDevice ?? said;
    if (device === undefined) continue;
    if (said !== undefined && said !== device)
      ofNode.set(id, { why: `says that it is the balena device ${short(said)}, and joined as ${short(device)}` });
    else if (!devices.has(device))
      ofNode.set(id, { why: `is the balena device ${short(device)}, which is in none of the fleets asked for` });
    else claims.set(device, [...(claims.get(device) ?? []), { node: id, isJoined: balenaDevice !== undefined }]);
  }
  const nodeOf = new Map<string, string>();
  const unclear = new Map<string, string>();
  for (const [device, all] of claims) {
    const joined = all.filter(({ isJoined }) => isJoined);
    const [own, ...more] = joined.length > 0 ? joined : all;
    const isClear = own && more.length === 0;
    if (isClear) nodeOf.set(device, own.node);
    else unclear.set(device, `${listInWords(all.map(({ node }) => node))} say that they are this device`);
    for (const { node } of all)
      if (isClear && node === own.node) ofNode.set(node, { device });
      else ofNode.set(node, { why: `says that it is the balena device ${short(device)}, and is not alone in that` });
  }
  return { ofNode, nodeOf, unclear };
}
const short = (uuid: string): string => uuid.slice(0, 7);

/** Subjects of rollouts of balena releases that are on their way, there or back. */
function* openSubjects(view: View): Generator<RolloutSubjectRow> {
  for (const rollout of view.rollouts.values()) {
    if (rollout.what.kind !== 'balena' || !isLive(view, rollout)) continue;
    for (const key of view.subjectsByRollout.get(rollout.id) ?? []) {
      const row = view.rolloutSubjects.get(key);
      if (row?.state === 'told' || row?.state === 'returning') yield row;
    }
  }
}
function goalOf({ state, balena }: RolloutSubjectRow) {
  if (!balena) return null;
  return state === 'told' ? balena.to : state === 'returning' ? balena.from : null;
}

/** Whether a rollout waits for what devices do. */
export function isAwaited(view: View): boolean {
  return !openSubjects(view).next().done;
}
/** What is to be pinned now; each pin is told of before it is due again. */
export function pinsDue(view: View, most: number): BalenaPin[] {
  return openSubjects(view)
    .filter((row) => row.report === undefined)
    .flatMap((row): BalenaPin[] => {
      const release = goalOf(row);
      if (!release || !row.balena) return [];
      return [{ rollout: row.rollout, node: row.subject, device: row.balena.device, release }];
    })
    .take(most)
    .toArray();
}

/** An order that was replaced meanwhile is not this one, and its outcome changes nothing. */
export const tellPin: Decide<'balena-pin'> = (view, { told }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = view.rolloutSubjects.get(`${told.rollout}/${told.node}`);
  const goal = row && goalOf(row);
  if (!goal || row.report || goal.id !== told.release.id || row.balena?.device !== told.device) return decided(draft);
  const { outcome, text } = told;
  if (outcome === 'trouble') setStep(draft, row, text);
  else {
    const report = { version: goal.name, state: outcome };
    const step = (outcome === 'pinned' ? `pinned to ${goal.name}` : text).slice(0, maxStep);
    // Balena's own troubles are none of the device's: its patience begins with the pin.
    change(draft, { type: 'rollout-subject', row: { ...row, report, step, toldMs: nowMs, sinceMs: nowMs } });
    const { balena } = view;
    const pinned = new Set([...(balena?.pinned ?? []), told.device]);
    if (balena) change(draft, { type: 'balena', stand: { ...balena, pinned } });
  }
  return decided(draft);
};

function setStep(draft: Draft, row: RolloutSubjectRow, text: string): void {
  const step = text.slice(0, maxStep);
  if (row.step !== step) change(draft, { type: 'rollout-subject', row: { ...row, step, sinceMs: draft.nowMs } });
}
