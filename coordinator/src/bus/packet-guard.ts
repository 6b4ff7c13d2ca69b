// Follows the framing of an MQTT byte stream (fixed header, remaining length) without keeping any of it, so that a packet
// that is too large is refused at its second to fifth byte, before the parser collects it. Aedes itself accepted 30 MB.
// In: bytes as they arrive, in any pieces. Out: a fault or null, and the number of packets. A fault stays.
export interface PacketLimits {
  /** The limit for the first packet, whose sender is not known yet. */
  firstBytes: number;
  bytes: number;
}
interface PacketGuard {
  (bytes: Uint8Array): string | null;
  /** The packets that began since the last call. */
  taken(): number;
}

export function createPacketGuard(limits: PacketLimits): PacketGuard {
  let stage: 'type' | 'length' | 'body' = 'type';
  let first = true;
  let length = 0;
  let lengthBytes = 0;
  let left = 0;
  let fault: string | null = null;
  let packets = 0;

  const guard = (bytes: Uint8Array) => {
    for (let at = 0; fault === null && at < bytes.length; ) {
      if (stage === 'type') {
        const type = (bytes[at++] as number) >> 4;
        if (first && type !== 1) fault = 'no-connect';
        length = 0;
        lengthBytes = 0;
        stage = 'length';
      } else if (stage === 'length') {
        const byte = bytes[at++] as number;
        length += (byte & 0x7f) * 128 ** lengthBytes;
        lengthBytes++;
        if (byte & 0x80) {
          if (lengthBytes === 4) fault = 'malformed'; // [MQTT-1.5.5-1]
          continue;
        }
        if (length > (first ? limits.firstBytes : limits.bytes)) fault = 'packet-too-large';
        first = false;
        packets++;
        left = length;
        stage = left === 0 ? 'type' : 'body';
      } else {
        const taken = Math.min(left, bytes.length - at);
        at += taken;
        left -= taken;
        if (left === 0) stage = 'type';
      }
    }
    return fault;
  };
  const taken = () => {
    const count = packets;
    packets = 0;
    return count;
  };
  return Object.assign(guard, { taken });
}
