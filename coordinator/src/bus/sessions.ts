// The persistence of Aedes for a broker without sessions: clean sessions only, so there are no offline queues that could grow. It has the
// QoS 2 messages in flight (bounded by Aedes' maxInflightInbound) and reads retained messages from the trie. Wills belong to their
// connections, which end with this process.
import { Readable } from 'node:stream';
import type { RetainedStore } from './retained.ts';

interface HasId {
  id: string;
}
interface HasMessageId {
  messageId?: number;
}

/** The methods that Aedes 1.2 calls; the conformance suite fails when one is missing. */
export function createSessions(retained: RetainedStore) {
  const incoming = new Map<string, Map<number, object>>();
  const incomingOf = (client: HasId, packet: HasMessageId) => incoming.get(client.id)?.get(packet.messageId ?? -1);
  return {
    async setup() {},
    async destroy() {},
    async storeRetained() {},
    createRetainedStreamCombi: (filters: string[]) => Readable.from(matches(retained, filters)),
    createRetainedStream: (filter: string) => Readable.from(matches(retained, [filter])),
    async addSubscriptions() {},
    async removeSubscriptions() {},
    async cleanSubscriptions() {},
    subscriptionsByClient: async () => [],
    subscriptionsByTopic: async () => [],
    countOffline: async () => ({ subsCount: 0, clientsCount: 0 }),
    async outgoingEnqueue() {},
    async outgoingEnqueueCombi() {},
    async outgoingUpdate() {},
    outgoingClearMessageId: async () => undefined,
    outgoingStream: () => Readable.from([]),
    async incomingStorePacket(client: HasId, packet: HasMessageId) {
      const held = incoming.get(client.id) ?? new Map<number, object>();
      // The identifier alone shows a repetition.
      held.set(packet.messageId ?? -1, { messageId: packet.messageId });
      incoming.set(client.id, held);
    },
    async incomingGetPacket(client: HasId, packet: HasMessageId) {
      const held = incomingOf(client, packet);
      if (!held) throw new Error('no such packet');
      return held;
    },
    async incomingDelPacket(client: HasId, packet: HasMessageId) {
      if (!incoming.get(client.id)?.delete(packet.messageId ?? -1)) throw new Error('no such packet');
    },
    async cleanIncoming(client: HasId) {
      incoming.delete(client.id);
    },
    async putWill() {},
    getWill: async () => undefined,
    delWill: async () => undefined,
    streamWill: () => Readable.from([]),
    getClientList: () => Readable.from([]),
  };
}

function* matches(retained: RetainedStore, filters: string[]) {
  const seen = new Set<string>();
  for (const filter of filters) {
    for (const message of retained.match(filter)) {
      if (seen.has(message.topic)) continue;
      seen.add(message.topic);
      yield { cmd: 'publish', ...message, retain: true };
    }
  }
}
