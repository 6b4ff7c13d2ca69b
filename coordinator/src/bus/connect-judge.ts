// Judges CONNECT: the identity, the client id and the will. In: a TLS socket and the packet, which is changed where people may not choose
// for themselves. Out: a session, or the reason of a refusal. Which nodes and keys are known is decided by the Gate.
import type { Clock } from '@blackroad/std/clock';
import type { Refusals } from '../door/counted-refusals.ts';
import type { Doorkeeper } from '../door/doorkeeper.ts';
import type { Claim, Gate } from '../fleet/gate.ts';
import { claimOf, type Shown } from './claim.ts';
import { type ConnectLimits, createConnects } from './connects.ts';
import { mayWill, type Who } from './rights.ts';

interface Refusal {
  refused: string;
  text: string;
  returnCode?: number;
}
export type Session = { who: Who; claim: Claim; will: object | null } | Refusal;

/** The parts of CONNECT that are read and set here; the packet belongs to Aedes. */
interface ConnectFields {
  clientId: string;
  clean?: boolean;
  username?: string;
  password?: Buffer;
  will?: { topic: string; payload: string | Buffer; qos?: number; retain?: boolean };
}
interface JudgeParts {
  gate: Gate;
  doorkeeper: Doorkeeper;
  refusals: Refusals;
  clock: Clock;
  limits: ConnectLimits;
  /** Below which Home Assistant discovers devices; missing: nowhere. */
  discoveryPrefix?: string | null | undefined;
}

/** What is seen of who connects: a TLS socket, or what another process saw of one. */
interface Peer extends Shown {
  remoteAddress?: string | undefined;
}

/** CONNACK [MQTT-3.2.2.3] for good credentials at a bad time: after "not authorized" a node would look for a new certificate. */
const unavailable = 3;

export function createConnectJudge(parts: JudgeParts): (socket: Peer, packet: ConnectFields) => Session {
  const { gate, doorkeeper, clock, limits } = parts;
  const connects = createConnects(clock, limits);
  let nameless = 0;
  return (socket, packet) => {
    packet.clean = true;
    const claim = claimOf(socket, packet.username, packet.password, clock.nowMs());
    const who = gate(claim);
    if (who.as === 'refused') return refused(claim, who.reason, socket, doorkeeper);
    if (who.as === 'node' && packet.clientId !== who.node) {
      const got = JSON.stringify(packet.clientId.slice(0, 80));
      return { refused: 'client-id', text: `connection refused: expected client id ${who.node}, got ${got}` };
    }
    // This comes before the connection could end an earlier one of its node.
    const waitS = connects(who, packet.clientId);
    if (waitS > 0) {
      const name = who.as === 'node' ? who.node : `${who.by.name}, client ${packet.clientId.slice(0, 80)}`;
      const text = `connection refused: ${name} came too often within a minute, and is let in again in ${waitS} s`;
      return { refused: 'flapping', text, returnCode: unavailable };
    }
    // It never gets the id of a node, whose connection would be ended.
    if (who.as === 'people')
      // The id of the key, which has no slash, is a part of it: two keys never share a client id.
      packet.clientId = `key/${who.keyId}/${packet.clientId || `nameless-${++nameless}`}`;
    return willFault(who, packet, parts) ?? { who, claim, will: packet.will ?? null };
  };
}

/** The refusals that the doorkeeper counts, as they may be attempts to guess keys or certificates. */
function refused(claim: Claim, reason: string, socket: Peer, doorkeeper: Doorkeeper): Refusal {
  const claimed = claim.kind === 'node' ? claim.node : claim.kind === 'key' ? claim.keyId : claim.reason;
  const text = `connection refused: ${reason} (${claim.kind} ${claimed.slice(0, 80)})`;
  const { remoteAddress: address = '' } = socket;
  if (claim.kind === 'key') {
    if (doorkeeper.blockedSeconds(address) > 0) {
      doorkeeper.countSecret(address);
      return { refused: 'refused-too-often', text: `connection refused: ${address} tried too many keys` };
    }
    doorkeeper.refusedSecret({ address, subject: 'api key', text: `MQTT: ${text}` });
  } else if (claim.kind === 'stranger' && claim.reason !== 'certificate-expired') {
    doorkeeper.refusedCertificate({ address, subject: 'certificate', text: `MQTT: ${text}` });
  }
  return { refused: claim.kind === 'stranger' ? claim.reason : reason, text };
}

/** A node with another's will is refused; such a will of a person is dropped. */
function willFault(who: Who, packet: ConnectFields, { refusals, discoveryPrefix }: JudgeParts): Refusal | null {
  if (!packet.will) return null;
  const row = mayWill(who, packet.will.topic, discoveryPrefix);
  const topic = packet.will.topic.slice(0, 200);
  if (row && packet.will.payload.length <= row.maxBytes) {
    packet.will.retain &&= row.retain;
    // A view into the buffer of the packet would keep that buffer for the life of the connection.
    packet.will.payload = Buffer.from(packet.will.payload);
    return null;
  }
  if (who.as === 'node')
    return { refused: 'will', text: `connection refused: the will of ${who.node} speaks on ${topic}` };
  // A tool that sends a will of its own on another topic may connect, and the will is not kept.
  refusals.note('will', { topic, key: who.by.name }, 'will dropped');
  delete packet.will;
  return null;
}
