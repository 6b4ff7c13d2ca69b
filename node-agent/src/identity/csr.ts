// A certificate signing request (PKCS#10, RFC 2986) for an EC P-256 key, written by hand: an X.509 library costs a node-agent
// megabytes of memory for these 200 bytes. In: the key and a name. Out: PEM. Tested against openssl.
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export function createKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** The CN is only a wish: the coordinator chooses the node's id. */
export function writeCsr(key: KeyObject, commonName: string): string {
  const name = sequence(der(0x31, sequence(der(0x06, oidCommonName), der(0x0c, Buffer.from(commonName, 'utf8')))));
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const version0 = der(0x02, Buffer.from([0]));
  const noAttributes = der(0xa0, Buffer.alloc(0));
  const info = sequence(version0, name, publicKey, noAttributes);
  // Node signs EC keys in DER form (SEQUENCE of r and s), as the BIT STRING needs it; its first byte counts unused bits.
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', info, key)]));
  return pem('CERTIFICATE REQUEST', sequence(info, sequence(der(0x06, oidEcdsaWithSha256)), signature));
}

const oidCommonName = Buffer.from([0x55, 0x04, 0x03]); // 2.5.4.3
const oidEcdsaWithSha256 = Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]); // 1.2.840.10045.4.3.2

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const header =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}
function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}
function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
