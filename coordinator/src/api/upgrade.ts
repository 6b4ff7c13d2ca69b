// The upgrade of the coordinator over HTTP. Who ordered it, and the way back, is in the audit log.
import { FleetError } from '@blackroad/protocol';
import type { ApiContext } from '../http/context.ts';
import type { Handlers } from '../http/handler.ts';

function upgradesOf({ upgrades }: ApiContext) {
  if (upgrades) return upgrades;
  throw new FleetError('unavailable', { detail: 'The coordinator is starting.', retryAfterSeconds: 2 });
}

export const upgradeHandlers = {
  upgrade: ({ context, query: { release } }) => upgradesOf(context).view(release),
  async upgradeStart({ context, body, by }) {
    const upgrades = upgradesOf(context);
    const from = context.settings.version;
    const { version } = await upgrades.begin(body, by);
    await context.coordinator.submit('audit', { by, action: 'upgrade-start', params: { version, from } });
    return upgrades.view();
  },
  async upgradeBack({ context, body: { lose = false }, by }) {
    const upgrades = upgradesOf(context);
    const from = context.settings.version;
    const version = upgrades.mayGoBack(lose);
    // Before it stops.
    await context.coordinator.submit('audit', { by, action: 'upgrade-back', params: { version, from, lose } });
    await upgrades.back(by);
    return upgrades.view();
  },
} satisfies Partial<Handlers>;
