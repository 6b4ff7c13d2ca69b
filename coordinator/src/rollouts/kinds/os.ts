// Rollouts of updates of the operating system: the node has apt make them, and tells how far it is (reports.ts). A machine that needs a restart
// afterwards is told to in a second order, within the windows of the rollout, and while no other machine of its site restarts. What apt has
// done stays: there is no way back. [INV-os-restart]
import { listInWords, type OsPackages, osOrderMs, osUpdatesInWords } from '@blackroad/protocol';
import { send } from '../../state/draft.ts';
import type { RolloutSubjectRow } from '../../state/rollout-rows.ts';
import { freezeAt } from '../../state/rows.ts';
import type { View } from '../../state/view.ts';
import type { Kind, Now, RolloutOf, Wait } from '../kind.ts';
import { isOpen, lengthMs, windowsInWords } from '../window.ts';

/** A window for restarts is longer than two orders are valid. */
const leastWindowMs = 2 * osOrderMs;
const packagesInWords: Record<OsPackages, string> = { security: 'security updates', all: 'all updates' };
const isOnline = (view: View, node: string) => view.nodes.get(node)?.presence === 'online';

export const osKind: Kind<'os'> = {
  of: 'node',
  // A Pi that has not been updated for a year, on a slow card.
  patienceMs: 2 * 3_600_000,
  // A restart with a check of its file systems.
  takesAway: ({ os }) => os?.isRestart === true,
  noWayBack:
    'Updates of the operating system have no way back: apt keeps no older versions. A red gate stops the rollout, and what was installed stays.',
  words: ({ packages, restart }) =>
    `${packagesInWords[packages]} of the operating system${restart === 'if-needed' ? ', with a restart where one is needed' : ''}`,
  fault(_view, { windows = [], what }) {
    if (what.restart === 'never') return null;
    const short = windows.find((window) => lengthMs(window) <= leastWindowMs);
    return short
      ? `Between ${short.from} and ${short.to} no machine could be restarted: a window for restarts needs more than ${leastWindowMs / 60_000} minutes.`
      : null;
  },
  before(view, { what: { packages } }, node) {
    const updates = view.nodes.get(node)?.info?.osUpdates;
    if (!updates)
      return {
        why: 'takes no updates of its system: no Debian with apt, installed without the part that runs as root, or an older node-agent',
      };
    if (updates.takes.includes(packages)) return { was: osUpdatesInWords(updates) };
    return { why: `cannot: ${updates.why ?? `it takes no ${packagesInWords[packages]}`}` };
  },
  order(draft, { id, what }, subject) {
    const { subject: node } = subject;
    const isRestart = isRestartNext(what, subject);
    const job = isRestart ? 'restart' : what.packages;
    send(draft, 'updateOs', { node }, { rollout: id, job, withinMs: osOrderMs });
    if (!isRestart || subject.os?.isRestart) return subject;
    const { report: _, ...rest } = subject;
    return { ...rest, os: { needsRestart: true, isRestart: true }, step: 'told to restart' };
  },
  stand(view, { what }, subject) {
    const { report, os } = subject;
    if (!report) return 'under-way';
    if (report.state === 'failed' || report.state === 'refused') return { failed: subject.step };
    const isUpdated = report.state === 'updated' || report.state === 'restarted';
    if (!isUpdated) return 'under-way';
    const mustRestart = what.restart === 'if-needed' && os?.needsRestart === true;
    if (report.state === 'updated' && mustRestart) return os.isRestart ? 'under-way' : 'held';
    return isOnline(view, subject.subject) ? 'there' : 'under-way';
  },
  waitsFor: (now, rollout, subject) => waitFor(now, rollout, subject),
};

/** Whether its next order is the restart. */
function isRestartNext({ restart }: RolloutOf<'os'>['what'], { os, report }: RolloutSubjectRow): boolean {
  return (
    restart === 'if-needed' && (os?.isRestart === true || (os?.needsRestart === true && report?.state === 'updated'))
  );
}

function waitFor(now: Now, rollout: RolloutOf<'os'>, subject: RolloutSubjectRow): Wait | null {
  const { view, nowMs, timeZone } = now;
  const isRestart = isRestartNext(rollout.what, subject);
  const words = isRestart ? `${subject.subject} waits for the window to restart` : 'waits for its window';
  // The node may begin as late as its order is valid.
  if (![nowMs, nowMs + osOrderMs].every((atMs) => isOpen(rollout.windows, atMs, timeZone)))
    return { for: 'window', why: `${words}: ${windowsInWords(rollout.windows)}` };
  if (!isRestart) return null;
  const site = view.nodes.get(subject.subject)?.site;
  if (site !== undefined && freezeAt(view.frozen, site) !== undefined)
    return { for: 'nodes', why: 'too many nodes are away at once: nothing new begins' };
  const others = [...(now.restarts().get(site ?? '') ?? [])].filter((each) => each !== subject.subject);
  return others.length > 0
    ? { for: 'nodes', why: `${subject.subject} waits to restart until ${listInWords(others)} of its site is up again` }
    : null;
}
