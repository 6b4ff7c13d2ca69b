// The releases of the node-agent as rollouts know them: a version, with a file for each architecture.
import type { Release } from '@blackroad/protocol';
import type { KnownRelease } from '../state/rollout-rows.ts';

export function knownReleases(releases: readonly Release[]): KnownRelease[] {
  const versions = new Map<string, Record<string, KnownRelease['builds'][string]>>();
  for (const { name, version, arch, sha256, bytes, signature } of releases) {
    if (name !== 'blackroad-node') continue;
    versions.set(version, { ...versions.get(version), [arch]: { sha256, bytes, signature } });
  }
  return [...versions].map(([version, builds]) => ({ version, builds }));
}
