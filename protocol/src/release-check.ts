// What every program asks of a release.json, wherever it got it: the coordinator that keeps a release, the installer and the updater of a
// machine. In: its text; what the release has to be. Out: the manifest, or words for what is wrong. Who signed the archive is a matter of
// std/src/minisign.ts.
import { explain } from './faults.ts';
import { ReleaseManifest, releaseFormat } from './release.ts';
import { topicRoot } from './topics.ts';

/** The file, which is the first in the archive. */
export const releaseManifestName = 'release.json';

export function readReleaseManifest(text: string): ReleaseManifest | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `${releaseManifestName}: ${(error as Error).message}`;
  }
  const { format } = (value ?? {}) as { format?: unknown };
  if (format !== releaseFormat)
    return `${releaseManifestName}: format: expected ${releaseFormat}, got ${JSON.stringify(format)?.slice(0, 20)}: a newer version may know it`;
  const fault = explain(ReleaseManifest, value);
  return fault === '' ? (value as ReleaseManifest) : `${releaseManifestName}: ${fault}`;
}

/** What is wanted of a release on one machine. */
interface WantedRelease {
  name: string;
  version: string;
  os: string;
  arch: string;
}
/** Words for what the release is in place of what is wanted; null: it is that, and speaks this wire. */
export function releaseMisfit(manifest: ReleaseManifest, wanted: WantedRelease): string | null {
  for (const key of ['name', 'version', 'os', 'arch'] as const)
    if (manifest[key] !== wanted[key])
      return `${releaseManifestName}: ${key}: expected ${wanted[key]}, got ${manifest[key]}`;
  // The `v1` in topics.
  const wire = Number(/\d+$/.exec(topicRoot)?.[0]);
  const { protocol } = manifest;
  return protocol.includes(wire)
    ? null
    : `${releaseManifestName}: protocol: expected ${wire} among them, got ${protocol.join(', ')}`;
}
