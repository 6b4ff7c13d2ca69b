// How an upgrade of the coordinator stands, in words. The console uses it: only types are imported.
import type { UpgradeStand, UpgradeState } from './upgrade.ts';

/** What has come of it, for people. */
export function upgradeWords({
  version,
  from,
  state,
  text,
}: Pick<UpgradeStand, 'version' | 'from' | 'state' | 'text'>) {
  const words: Record<UpgradeState, string> = {
    preparing: `the coordinator verifies and unpacks ${version}`,
    'backing-up': 'the coordinator makes a backup of itself',
    switching: `the coordinator changes over from ${from} to ${version}`,
    soaking: `the coordinator runs ${version}, and watches whether it is well`,
    committed: `the coordinator runs ${version}, which stays; it was ${from}`,
    'going-back': `the coordinator goes back from ${version} to ${from}`,
    'rolled-back': `the coordinator runs ${from} again and not ${version}`,
    failed: `the coordinator was not upgraded to ${version}, and nothing was changed`,
  };
  return `${words[state]}${text === '' ? '' : `: ${text}`}`;
}

/** After these nothing is under way. */
export const upgradeEnds: readonly UpgradeState[] = ['committed', 'rolled-back', 'failed'];
