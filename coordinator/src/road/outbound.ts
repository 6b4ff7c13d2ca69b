// What goes out over the bus: messages as bytes, once a batch, and counted. The confirmations of ended tasks to one node are joined into one
// message: at thousands of tasks a second they would be a third of all messages.
import { encode } from '@blackroad/protocol';
import type { Bus, BusMessage } from '../bus/bus.ts';
import type { Outgoing } from '../state/change.ts';

const maxFolded = 1000;

export interface Outbound {
  send(messages: readonly Outgoing[]): void;
  publish(messages: BusMessage[]): void;
}
/** `count`: called with the number of messages that were sent. */
export function createOutbound(bus: Pick<Bus, 'publish'>, count: (sent: number) => void): Outbound {
  const publish = (messages: BusMessage[]) => {
    if (messages.length === 0) return;
    bus.publish(messages);
    count(messages.length);
  };
  return { publish, send: (messages) => publish(encodeAll(messages)) };
}

function encodeAll(messages: readonly Outgoing[]): BusMessage[] {
  const out: BusMessage[] = [];
  const settled = new Map<string, { task: string; attempt: number }[]>();
  for (const message of messages) {
    if (message.name === 'settled') {
      const node = message.params.node as string;
      const tasks = settled.get(node) ?? [];
      if (!settled.has(node)) settled.set(node, tasks);
      tasks.push(...message.message.tasks);
      if (tasks.length >= maxFolded) {
        out.push(encode('settled', { node }, { tasks: tasks.splice(0, maxFolded) }));
      }
    } else {
      const encoded = encode(message.name, message.params, message.message as never);
      out.push(message.told ? { ...encoded, told: message.told } : encoded);
    }
  }
  for (const [node, tasks] of settled) {
    if (tasks.length > 0) out.push(encode('settled', { node }, { tasks }));
  }
  return out;
}
