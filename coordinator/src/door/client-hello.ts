// Whether the bytes so far are a complete TLS ClientHello: work for a handshake begins only then. Pure. In: the first bytes of a
// connection. Out: what to do with it. It checks only the frame and the type of the record; TLS does the rest.

/** One TLS record and its header [RFC 8446 5.1]. A hello with post-quantum shares and a session ticket takes about 4 KB. */
export const maxHelloBytes = 16_384 + 5;
const handshakeRecord = 0x16;
const clientHello = 0x01;
const headerBytes = 5;

export function readHello(bytes: Uint8Array): 'more' | 'whole' | 'foreign' {
  if (bytes.length > 0 && bytes[0] !== handshakeRecord) return 'foreign';
  if (bytes.length > 1 && bytes[1] !== 0x03) return 'foreign';
  if (bytes.length < headerBytes) return 'more';
  const length = ((bytes[3] as number) << 8) | (bytes[4] as number);
  if (length === 0 || length + headerBytes > maxHelloBytes) return 'foreign';
  if (bytes.length > headerBytes && bytes[headerBytes] !== clientHello) return 'foreign';
  return bytes.length >= headerBytes + length ? 'whole' : 'more';
}
