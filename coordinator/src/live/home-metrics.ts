// Figures of what Home Assistant is told, for the metrics.
import { Counter, Gauge } from 'prom-client';
import type { HomeAssistant } from '../home-assistant/home-assistant.ts';
import type { Read } from './metric-read.ts';

export function readHome(read: Read, home: Pick<HomeAssistant, 'figures'>): void {
  read(Gauge, 'home_assistant_devices', 'Devices that Home Assistant was told of.', [], (set) =>
    set({}, home.figures.devices),
  );
  read(
    Gauge,
    'home_assistant_components_left_out',
    'Components of these that are left out, as Home Assistant would refuse the device for them; the log names them.',
    [],
    (set) => set({}, home.figures.leftOut),
  );
  read(Counter, 'home_assistant_messages_total', 'Messages for Home Assistant.', ['what'], (set) => {
    for (const [what, count] of Object.entries(home.figures.sent)) set({ what }, count);
  });
  read(Counter, 'home_assistant_births_total', 'Times that Home Assistant has announced itself.', [], (set) =>
    set({}, home.figures.births),
  );
  read(Counter, 'home_assistant_orders_total', 'Orders from Home Assistant.', ['outcome'], (set) => {
    for (const [outcome, count] of Object.entries(home.figures.orders)) set({ outcome }, count);
  });
}
