// Routes of the upgrade of the coordinator: what it would do, doing it, the way back.
import { UpgradeBackRequest, UpgradeQuery, UpgradeRequest, UpgradeView } from '../upgrade.ts';
import { route } from './row.ts';

export const upgradeRoutes = {
  upgrade: route({
    method: 'GET',
    path: '/v1/upgrade',
    needs: 'releases:read',
    text: 'Whether and to what the coordinator can upgrade itself, what that would take, and how the last upgrade went.',
    query: UpgradeQuery,
    answer: UpgradeView,
  }),
  upgradeStart: route({
    method: 'POST',
    path: '/v1/upgrade',
    needs: 'coordinator:upgrade',
    text: 'The coordinator upgrades itself to a release that it keeps: the highest newer one, or the named one. It goes back by itself where that is not well.',
    body: UpgradeRequest,
    answer: UpgradeView,
  }),
  upgradeBack: route({
    method: 'POST',
    path: '/v1/upgrade/back',
    needs: 'coordinator:upgrade',
    text: 'The coordinator runs the release that it ran before, also after the upgrade was done.',
    body: UpgradeBackRequest,
    answer: UpgradeView,
  }),
};
