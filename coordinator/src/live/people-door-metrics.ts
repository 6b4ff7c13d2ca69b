// The metrics of the MQTT door for people, whose figures are those of its present process where that counts by itself.
import { Counter, Gauge } from 'prom-client';
import type { PeopleDoor } from '../bus/people/people-door.ts';
import type { Read } from './metric-read.ts';

export function readPeopleDoor(read: Read, door: Pick<PeopleDoor, 'stand'>): void {
  const stand = () => door.stand();
  read(Gauge, 'people_door_up', '1 while the MQTT door for people listens.', [], (set) =>
    set({}, stand().problem === null ? 1 : 0),
  );
  read(Gauge, 'people_door_connections', "Connections of people's programs there.", [], (set) =>
    set({}, stand().connections),
  );
  read(Gauge, 'people_door_subscriptions', 'Their subscriptions.', [], (set) => set({}, stand().subscriptions));
  read(Gauge, 'people_door_waiting', 'Messages on their way to its process.', [], (set) => set({}, stand().waiting));
  read(Counter, 'people_door_dropped_total', 'Messages left out because too many waited.', [], (set) =>
    set({}, stand().dropped),
  );
  read(Counter, 'people_door_restarts_total', 'Ends of its process.', [], (set) => set({}, stand().restarts));
  read(Counter, 'people_door_sent_total', 'Copies of messages to programs.', [], (set) =>
    set({}, stand().figures?.sent ?? 0),
  );
  read(Counter, 'people_door_stalled_total', 'Connections cut there because they did not read.', [], (set) =>
    set({}, stand().figures?.stalled ?? 0),
  );
  read(Gauge, 'people_door_rss_bytes', 'Memory of its process.', [], (set) => set({}, stand().figures?.rssBytes ?? 0));
  read(Counter, 'people_door_refused_total', 'Refused connections, publishes, subscriptions.', ['reason'], (set) => {
    for (const [reason, count] of Object.entries(stand().refused)) set({ reason }, count);
  });
}
