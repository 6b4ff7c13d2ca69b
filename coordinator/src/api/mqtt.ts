// The ways into MQTT, for people: the broker, and the door for their programs.
import type { MqttView, PeopleDoorView } from '@blackroad/protocol';
import type { ApiContext } from '../http/context.ts';
import type { Handlers } from '../http/handler.ts';

function peopleOf({ peopleDoor }: ApiContext): PeopleDoorView | null {
  if (!peopleDoor) return null;
  const { figures, ...stand } = peopleDoor.stand();
  return { ...stand, rssBytes: figures?.rssBytes ?? null };
}

export const mqttHandlers = {
  async mqtt({ context }): Promise<MqttView> {
    const { settings, busStats, ca } = context;
    const { host, port } = settings.mqtt();
    const connections = busStats?.().connections ?? 0;
    const people = peopleOf(context);
    const discovery = settings.discoveryPrefix;
    return { embedded: host === null, host, port: port || null, connections, discovery, ca: ca.pem, people };
  },
} satisfies Partial<Handlers>;
