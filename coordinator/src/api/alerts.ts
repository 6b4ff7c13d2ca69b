// Alerts: the list of the alert board; an acknowledgement is a decision like any other.
import { type Alert, FleetError } from '@blackroad/protocol';
import type { ApiContext } from '../http/context.ts';
import { accepted, type Handlers, shown } from '../http/handler.ts';

async function alertOr404({ alerts }: ApiContext, id: string): Promise<Alert> {
  await alerts.refreshAll();
  const alert = alerts.alert(id);
  if (!alert) throw new FleetError('no-such-alert', { detail: `There is no alert "${id}" now: its cause is gone.` });
  return alert;
}

export const alertHandlers = {
  async alerts({ context }) {
    await context.alerts.refreshAll();
    return context.alerts.alerts();
  },
  async alertAck({ context, params, body, by }) {
    const { count } = await alertOr404(context, params.alert);
    const order = { by, id: params.alert, note: body.note ?? '', count };
    accepted(await context.coordinator.submit('alert-ack', order));
    return shown(context.alerts.alert(params.alert));
  },
  async alertUnack({ context, params, by }) {
    await alertOr404(context, params.alert);
    if (!context.coordinator.view.acknowledged.has(params.alert))
      throw new FleetError('conflict', { detail: 'Nobody has acknowledged it.' });
    accepted(await context.coordinator.submit('alert-unack', { by, ids: [params.alert] }));
    return shown(context.alerts.alert(params.alert));
  },
} satisfies Partial<Handlers>;
