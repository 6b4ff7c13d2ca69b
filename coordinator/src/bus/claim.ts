// The claim of a connection about its identity: the certificate that TLS has checked, or the key in the CONNECT packet. In: a TLS socket,
// and name and password of CONNECT. Out: a Claim, about which the Gate decides.
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { coordinatorName, isSlug } from '@blackroad/protocol';
import { sha256Hex } from '@blackroad/std/sha256';
import type { Claim } from '../fleet/gate.ts';

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

/** What a TLS socket tells of its peer. The model cache's process sends the same of its sockets. */
export interface Shown extends Pick<TLSSocket, 'getPeerX509Certificate' | 'authorized'> {
  /** A code, whatever its type says. */
  authorizationError: unknown;
}

/** A certificate that verified outranks a password; a password is looked at when there is no such certificate. */
export function claimOf(
  socket: Shown,
  username: string | undefined,
  password: Buffer | undefined,
  nowMs: number,
): Claim {
  const certificate = socket.getPeerX509Certificate();
  if (certificate && socket.authorized) {
    // A resumed TLS session has the result of its first handshake, which may be older than the end of the certificate.
    if (Date.parse(certificate.validTo) < nowMs) return { kind: 'stranger', reason: 'certificate-expired' };
    // The CA also signs certificates of servers and of the coordinator itself, and these are no nodes.
    const purposes = certificate.keyUsage ?? [];
    const node = /^CN=(.+)$/m.exec(certificate.subject)?.[1];
    if (
      !purposes.includes(clientAuth) ||
      purposes.includes(serverAuth) ||
      (node && !isSlug(node)) ||
      node === coordinatorName
    )
      return { kind: 'stranger', reason: 'certificate-role' };
    if (!node) return { kind: 'stranger', reason: 'certificate-without-name' };
    const certificateExpiresMs = Date.parse(certificate.validTo);
    return { kind: 'node', node, keyFingerprint: fingerprintOf(certificate), certificateExpiresMs };
  }
  if (password !== undefined) return keyOf(username ?? '', password.toString('utf8'));
  if (!certificate) return { kind: 'stranger', reason: 'no-certificate' };
  const expired = String(socket.authorizationError) === 'CERT_HAS_EXPIRED';
  return { kind: 'stranger', reason: expired ? 'certificate-expired' : 'certificate-foreign' };
}

/** Either the whole API key as the password with any user name, or its id and its secret in the two fields. */
function keyOf(username: string, password: string): Claim {
  const whole = /^brk_([^_]+)_(.+)$/.exec(password);
  const [, keyId = username, secret = password] = whole ?? [];
  // The secret itself is not kept with the connection.
  return { kind: 'key', keyId, secretHash: sha256Hex(secret) };
}

/** SHA-256 of the public key (SPKI, DER): the same as the CA reads from the request. */
function fingerprintOf(certificate: X509Certificate): string {
  return sha256Hex(certificate.publicKey.export({ type: 'spki', format: 'der' }));
}
