// Rollouts of a release of a balena fleet: the device that a node runs on is pinned to it, and the way back pins it to the release that it
// ran before. The order is no message: the driver of balena sees in the view what is to be pinned (rollouts/balena.ts), pins it, and tells.
import type { BalenaDeviceRow, BalenaRelease } from '../../state/balena-stand.ts';
import type { RolloutSubjectRow } from '../../state/rollout-rows.ts';
import type { View } from '../../state/view.ts';
import type { Kind } from '../kind.ts';

const leastCommitChars = 7;

export const balenaKind: Kind<'balena'> = {
  of: 'node',
  // An image of some hundred megabytes over a slow line.
  patienceMs: 3_600_000,
  // Balena ends the old container before the new one starts, and a release may bring another host OS.
  takesAway: () => true,
  words: ({ release }) => `balena release ${release}`,
  fault: ({ balena }) =>
    balena
      ? null
      : 'Nothing is known of balena: the coordinator looks after no balena fleet, or balena has not answered yet (`fleet balena` says which).',
  before(view, { what: { release } }, node) {
    const found = deviceOf(view, node);
    if ('why' in found) return found;
    const { uuid: device, fleet, release: from, pinned } = found;
    const to = releaseOf(view, fleet, release);
    if ('why' in to) return to;
    if (!from) return { why: 'runs no release of its balena fleet yet' };
    if (from.id === to.id && (pinned === null || pinned.id === to.id)) return { why: 'has it already' };
    return { was: from.name, balena: { device, from: named(from), to: named(to) } };
  },
  order: (_draft, _rollout, subject) => subject,
  stand(view, _rollout, subject) {
    const { balena: order, report, step } = subject;
    if (!order || !report) return 'under-way';
    if (report.state === 'refused') return { failed: step };
    const device = seenSince(view, subject);
    if (device === null) return 'under-way';
    if (typeof device === 'string') return { left: device };
    if (device.pinned?.id !== order.to.id)
      return { left: `a person ${device.pinned ? `pinned it to ${device.pinned.name}` : 'took its pin away'} since` };
    return device.release?.id === order.to.id && isOnline(view, subject) ? 'there' : 'under-way';
  },
  orderBack(draft, _rollout, subject) {
    const { balena: order, report, ...rest } = subject;
    const device = seenSince(draft.view, subject);
    const isAstray = typeof device === 'object' && device !== null && device.pinned?.id !== order?.from.id;
    // Without a report it is pinned once more.
    return order && (report?.state === 'refused' || isAstray) ? { ...rest, balena: order } : subject;
  },
  isBack(view, _rollout, subject) {
    const device = seenSince(view, subject);
    if (subject.state !== 'returning' || device === null) return false;
    // It left the fleets, or its node moved to another device: there is nothing to pin any more.
    if (typeof device === 'string') return true;
    const from = subject.balena?.from.id;
    return device.release?.id === from && device.pinned?.id === from && isOnline(view, subject);
  },
};

const named = ({ id, name }: BalenaRelease) => ({ id, name });
const isOnline = (view: View, { subject }: RolloutSubjectRow) => view.nodes.get(subject)?.presence === 'online';

function deviceOf(view: View, node: string): BalenaDeviceRow | { why: string } {
  const found = view.balena?.ofNode.get(node);
  if (!found) return { why: 'runs on no balena device' };
  if ('why' in found) return found;
  return view.balena?.devices.get(found.device) ?? { why: 'runs on no balena device' };
}

/** The device as balena showed it after the order was carried out; null: not yet; text: why it is no subject any more. */
function seenSince(view: View, { subject, balena: order, report }: RolloutSubjectRow): BalenaDeviceRow | null | string {
  const { balena } = view;
  if (!balena || !order || !report || balena.pinned.has(order.device)) return null;
  const device = balena.devices.get(order.device);
  if (!device) return 'its device is in none of the balena fleets any more';
  const found = balena.ofNode.get(subject);
  return found && 'device' in found && found.device !== order.device
    ? 'it runs on another balena device since'
    : device;
}

/** By version, by commit, or by the beginning of a commit that no other release has. */
function releaseOf(view: View, fleet: string, wanted: string): BalenaRelease | { why: string } {
  const releases = view.balena?.fleets.find(({ slug }) => slug === fleet)?.releases ?? [];
  const exact = releases.find(({ name, commit }) => name === wanted || commit === wanted);
  if (exact) return exact;
  const isBeginning = wanted.length >= leastCommitChars;
  const [first, ...more] = isBeginning ? releases.filter(({ commit }) => commit.startsWith(wanted)) : [];
  if (first && more.length === 0) return first;
  return {
    why: first
      ? `is in ${fleet}, where ${more.length + 1} commits begin with ${wanted}`
      : `is in ${fleet}, which has no finished release ${wanted}`,
  };
}
