// Rollouts of the node-agent itself. The order is a message that names a release; the node fetches, checks and switches by itself, and tells
// how far it is (reports.ts). Only its own word that it stays on a version counts, together with the version of its hello. [decision 25]
import { send } from '../../state/draft.ts';
import type { Build, KnownRelease, RolloutSubjectRow } from '../../state/rollout-rows.ts';
import type { View } from '../../state/view.ts';
import type { Kind, RolloutOf } from '../kind.ts';
import { compareVersions, versionOf } from '../versions.ts';

const gaveUp = new Set(['rolled-back', 'refused', 'failed']);
const isOnline = (view: View, node: string) => view.nodes.get(node)?.presence === 'online';
const archOf = (view: View, node: string) => view.nodes.get(node)?.info?.arch ?? '';

export const nodeAgentKind: Kind<'node-agent'> = {
  of: 'node',
  patienceMs: 30 * 60_000,
  words: ({ version }) => `node-agent ${version}`,
  fault(view, { what, driver }) {
    if (driver === 'outside' || releaseOf(view.releases, what.version)) return null;
    const known = view.releases.map(({ version }) => version).join(', ');
    return `There is no release ${what.version} here${known === '' ? '' : ` (there are ${known})`}; import it first.`;
  },
  before(view, { what: { version }, driver, downgrade }, node) {
    const was = versionOf(view, node);
    if (was === null) return { why: 'has not said which version it runs' };
    if (was === version) return { why: 'has it already' };
    if (compareVersions(version, was) < 0 && !downgrade)
      return { why: `runs ${was}, which is newer: an older version needs the consent to downgrade` };
    const against = driver === 'outside' ? null : whyNoUpdate(view, node, version, was);
    return against === null ? { was } : { why: against };
  },
  releases: (view, { what, driver }, was) =>
    driver === 'outside' ? [] : view.releases.filter(({ version }) => version === what.version || was.has(version)),
  order(draft, rollout, subject) {
    if (rollout.driver === 'coordinator') sendUpdate(draft, rollout, subject, rollout.what.version, rollout.downgrade);
    return subject;
  },
  stand(view, { what: { version }, driver }, subject) {
    const { report } = subject;
    if (report?.version !== version) return 'under-way';
    if (gaveUp.has(report.state)) return { failed: subject.step };
    const isSaid = report.state === (driver === 'outside' ? 'installed' : 'committed');
    return isSaid && hasSaid(view, subject, version) ? 'there' : 'under-way';
  },
  orderBack(draft, rollout, subject) {
    if (rollout.driver === 'coordinator') sendUpdate(draft, rollout, subject, subject.was, true);
    return subject;
  },
  isBack(view, { what, driver }, subject) {
    const { report, was } = subject;
    if (versionOf(view, subject.subject) !== was || !isOnline(view, subject.subject)) return false;
    if (driver === 'outside') return subject.state !== 'returning' || hasSaid(view, subject, was);
    // A node that gave the new version up is on the old one and has nothing left to do.
    const gaveItUp = report?.version === what.version && gaveUp.has(report.state);
    return gaveItUp || (report?.version === was && report.state === 'committed');
  },
};

/** The node runs it, by a hello that is younger than the order: the one before may have come from the process that was to be replaced. */
function hasSaid(view: View, { subject, toldMs }: RolloutSubjectRow, version: string): boolean {
  const helloMs = view.live.get(subject)?.helloMs ?? 0;
  return isOnline(view, subject) && versionOf(view, subject) === version && helloMs >= toldMs;
}

function whyNoUpdate(view: View, node: string, version: string, was: string): string | null {
  const info = view.nodes.get(node)?.info;
  if (!info?.updates)
    return 'does not update itself: a container, a source folder, or a node-agent from before releases';
  if (!buildFor(view.releases, version, info.arch)) return `is ${info.arch}, which release ${version} has no file for`;
  if (!buildFor(view.releases, was, info.arch))
    return `runs ${was}, of which the coordinator has no release for ${info.arch}: it could not be brought back`;
  return null;
}
const releaseOf = (releases: readonly KnownRelease[], wanted: string) =>
  releases.find(({ version }) => version === wanted);
const buildFor = (releases: readonly KnownRelease[], version: string, arch: string): Build | undefined =>
  releaseOf(releases, version)?.builds[arch];

function sendUpdate(
  draft: Parameters<Kind<'node-agent'>['order']>[0],
  { id, releases }: RolloutOf<'node-agent'>,
  { subject: node }: RolloutSubjectRow,
  version: string,
  downgrade: boolean,
): void {
  const build = buildFor(releases, version, archOf(draft.view, node));
  // A machine that came back under its node with another architecture: its patience ends, and it has failed.
  if (build) send(draft, 'update', { node }, { rollout: id, version, ...build, downgrade });
}
