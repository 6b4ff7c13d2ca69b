// The fleet's private certificate authority: one P-256 key under `dir`, from which nodes, the coordinator's own listeners and
// its client to an external broker get their certificates.
// In: certificate requests and host names. Out: PEM. It judges keys and signatures alone; who may become a node is decided
// before. The CA key must never leave this folder, and a lost half is never replaced silently: every node would be cut off.
import {
  createPrivateKey,
  createPublicKey,
  X509Certificate as NodeCertificate,
  verify,
  type webcrypto,
} from 'node:crypto';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { coordinatorName, FleetError, isSlug, maxCsrBytes } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { sha256Hex } from '@blackroad/std/sha256';
import { readSecret, writeSecret } from './files.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from './x509.ts';

interface CaOptions {
  dir: string;
  clock: Clock;
  random: Random;
  fleetName: string;
  /** How many nodes have certificates already: then there must be a CA. Asked only when there is none. */
  enrolled: () => Promise<number>;
}
interface KeyAndCertificate {
  key: string;
  cert: string;
}
interface Ca {
  /** PEM of the CA certificate. */
  readonly pem: string;
  /** SHA-256 of the CA certificate's DER, hex: what a join token carries. */
  readonly fingerprint: string;
  /**
   * Key and certificate of the coordinator's listeners: localhost, its addresses and `hosts`. Kept under `dir`, made anew
   * when a host is missing from it or it is near its end.
   */
  issueServer(request: { hosts: readonly string[] }): Promise<KeyAndCertificate>;
  /** The coordinator's own client certificate for an external broker that wants mTLS. */
  issueCoordinatorClient(): Promise<KeyAndCertificate>;
  /** Checks size, form, curve and the request's own signature. Throws FleetError `csr-invalid`. */
  readCsr(pem: string): Promise<{ keyFingerprint: string }>;
  /** Whether the key of a request signed this text (ECDSA over SHA-256, DER). */
  isSignedBy(csr: string, text: string, signature: Buffer): Promise<boolean>;
  /** A client certificate with the node's id as CN. */
  signNode(request: { node: string; csr: string; notAfterMs: number }): Promise<string>;
  /** 48 bytes that seal TLS session tickets, kept for a week, so that nodes resume after a restart of the coordinator. */
  ticketKeys(): Buffer;
}

/** User name of the coordinator on an external broker. The dot keeps it apart from every node id. */
export const coordinatorUser = 'fleet.coordinator';

const dayMs = 86_400_000;
const caMs = 10 * 365 * dayMs;
const serverMs = 2 * 365 * dayMs;
/** A Pi has no clock battery and checks our certificates at boot by a clock that may be years behind. */
const beforeAnyPiMs = Date.UTC(2020, 0, 1);
const ticketKeysMs = 7 * dayMs;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const subtle = globalThis.crypto.subtle;
type CryptoKey = webcrypto.CryptoKey;

export async function openCa({ dir, clock, random, fleetName, enrolled }: CaOptions): Promise<Ca> {
  const paths = { key: join(dir, 'ca-key.pem'), cert: join(dir, 'ca.pem') };
  const keyPem = readSecret(paths.key);
  const certPem = readSecret(paths.cert);
  let signingKey: CryptoKey;
  let authority: X509Certificate;
  if (keyPem && certPem) {
    try {
      signingKey = await importKey(keyPem.toString());
      authority = new X509Certificate(certPem.toString());
    } catch (cause) {
      throw damaged(dir, cause);
    }
    if (!new NodeCertificate(certPem).publicKey.equals(await publicOf(signingKey))) {
      throw new FleetError('storage-failed', { detail: `${paths.key} does not belong to ${paths.cert}` });
    }
  } else if (certPem) {
    // A new CA would lock every node out; only a person can say that this is wanted.
    const detail = `${paths.key} is missing beside ${paths.cert}: restore it, or remove both to begin a new fleet`;
    throw new FleetError('storage-failed', { detail });
  } else {
    if (!keyPem) refuseToReplace(dir, await enrolled());
    // A key alone: a first start that was cut between the two files, or a lost certificate. One made again from the same key
    // still verifies every certificate it signed; only join tokens that are out carry the old fingerprint.
    const keys = keyPem ? await pairOf(keyPem.toString(), dir) : await generate();
    signingKey = keys.privateKey;
    authority = await X509CertificateGenerator.createSelfSigned({
      serialNumber: serial(random),
      name: [{ CN: [`${fleetName} CA`.slice(0, 64)] }],
      notBefore: new Date(beforeAnyPiMs),
      notAfter: new Date(clock.nowMs() + caMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    if (!keyPem) writeSecret(paths.key, await exportKey(keys.privateKey));
    writeSecret(paths.cert, `${authority.toString('pem')}\n`);
  }

  async function sign(
    subject: string,
    publicKey: CryptoKey,
    usage: ExtendedKeyUsage,
    span: { fromMs: number; toMs: number },
    names: JsonGeneralName[] = [],
  ): Promise<string> {
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serial(random),
      subject: [{ CN: [subject] }],
      issuer: authority.subjectName,
      notBefore: new Date(span.fromMs),
      // A certificate that outlives its CA fails in ways that are hard to read.
      notAfter: new Date(Math.min(span.toMs, authority.notAfter.getTime())),
      signingAlgorithm: algorithm,
      publicKey,
      signingKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([usage]),
        ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
        await SubjectKeyIdentifierExtension.create(publicKey),
        await AuthorityKeyIdentifierExtension.create(authority),
      ],
    });
    return `${certificate.toString('pem')}\n`;
  }

  async function kept(
    name: string,
    stillFits: (certificate: NodeCertificate) => boolean,
    make: (publicKey: CryptoKey) => Promise<string>,
  ): Promise<KeyAndCertificate> {
    const key = readSecret(join(dir, `${name}-key.pem`))?.toString();
    const cert = readSecret(join(dir, `${name}.pem`))?.toString();
    if (key && cert && fits(cert, key, stillFits)) return { key, cert };
    const keys = await generate();
    const fresh = { key: await exportKey(keys.privateKey), cert: await make(keys.publicKey) };
    writeSecret(join(dir, `${name}-key.pem`), fresh.key);
    writeSecret(join(dir, `${name}.pem`), fresh.cert);
    return fresh;
  }
  /** Ours, signed by the present CA, of this key, with a third of its life left. */
  function fits(cert: string, key: string, stillFits: (certificate: NodeCertificate) => boolean): boolean {
    try {
      const certificate = new NodeCertificate(cert);
      return (
        certificate.verify(new NodeCertificate(pem).publicKey) &&
        certificate.checkPrivateKey(createPrivateKey(key)) &&
        Date.parse(certificate.validTo) - clock.nowMs() > serverMs / 3 &&
        stillFits(certificate)
      );
    } catch {
      return false; // damaged: it is made anew, nothing depends on the old one
    }
  }

  const pem = `${authority.toString('pem')}\n`;
  const fingerprint = sha256Hex(new Uint8Array(authority.rawData));
  return {
    pem,
    fingerprint,
    issueServer({ hosts }) {
      const names = generalNames(['localhost', '127.0.0.1', '::1', ...hosts]);
      const wanted = names.map(({ value }) => value);
      const covers = (certificate: NodeCertificate) =>
        wanted.every((host) => (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined);
      return kept('server', covers, (publicKey) =>
        sign(coordinatorName, publicKey, ExtendedKeyUsage.serverAuth, lifeOf(serverMs), names),
      );
    },
    issueCoordinatorClient() {
      return kept(
        'client',
        (certificate) => certificate.subject === `CN=${coordinatorUser}`,
        (publicKey) => sign(coordinatorUser, publicKey, ExtendedKeyUsage.clientAuth, lifeOf(serverMs)),
      );
    },
    async readCsr(csr) {
      const request = await checkedCsr(csr);
      return { keyFingerprint: sha256Hex(new Uint8Array(request.publicKey.rawData)) };
    },
    async isSignedBy(csr, text, signature) {
      const { publicKey } = await checkedCsr(csr);
      const key = createPublicKey({ key: Buffer.from(publicKey.rawData), format: 'der', type: 'spki' });
      return verify('sha256', Buffer.from(text), key, signature);
    },
    async signNode({ node, csr, notAfterMs }) {
      if (!isSlug(node)) {
        throw new FleetError('invalid-request', {
          detail: `node: expected a node id, got ${JSON.stringify(node).slice(0, 80)}`,
        });
      }
      const request = await checkedCsr(csr);
      const publicKey = await request.publicKey.export(algorithm, ['verify']);
      const fromMs = clock.nowMs() - dayMs;
      return sign(node, publicKey as CryptoKey, ExtendedKeyUsage.clientAuth, { fromMs, toMs: notAfterMs });
    },
    ticketKeys() {
      const path = join(dir, 'ticket-keys');
      const stored = readSecret(path);
      if (stored?.length === 56 && clock.nowMs() - Number(stored.readBigUInt64BE(48)) < ticketKeysMs) {
        return stored.subarray(0, 48);
      }
      const fresh = Buffer.alloc(56, random.hex(48), 'hex');
      fresh.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(clock.nowMs()))), 48);
      writeSecret(path, fresh);
      return fresh.subarray(0, 48);
    },
  };

  function lifeOf(spanMs: number) {
    return { fromMs: beforeAnyPiMs, toMs: clock.nowMs() + spanMs };
  }
}

function damaged(dir: string, cause: unknown): FleetError {
  return new FleetError(
    'storage-failed',
    { detail: `the CA under ${dir} is damaged; restore it from a copy` },
    { cause },
  );
}
/** Certificates of a new CA in silence: every node would be locked out, every join token ended. */
function refuseToReplace(dir: string, enrolled: number): void {
  if (enrolled === 0) return;
  const whose =
    enrolled === 1
      ? 'the node of this fleet has its certificate'
      : `${enrolled} nodes of this fleet have their certificates`;
  const detail = `there is no CA under ${dir}, though ${whose} from one: a new one would lock them out. Restore ${dir} from a copy of the data folder. To begin a new fleet instead, give an empty --data folder`;
  throw new FleetError('storage-failed', { detail });
}

async function checkedCsr(pem: string): Promise<Pkcs10CertificateRequest> {
  const refuse = (detail: string, cause?: unknown) =>
    new FleetError('csr-invalid', { detail: `csr: ${detail}` }, { cause });
  const bytes = Buffer.byteLength(pem);
  if (bytes > maxCsrBytes) throw refuse(`expected at most ${maxCsrBytes} bytes, got ${bytes}`);
  if (!/^\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----/.test(pem)) throw refuse('expected a PEM certificate request');
  let request: Pkcs10CertificateRequest;
  let curve: string;
  try {
    request = new Pkcs10CertificateRequest(pem);
    const { name, namedCurve } = request.publicKey.algorithm as { name: string; namedCurve?: string };
    curve = namedCurve ?? name;
  } catch (cause) {
    throw refuse('the request cannot be read', cause);
  }
  if (curve !== 'P-256') throw refuse(`expected a P-256 key, got ${curve}`);
  let signed = false;
  try {
    signed = await request.verify();
  } catch (cause) {
    throw refuse('its signature cannot be checked', cause);
  }
  if (!signed) throw refuse('it is not signed by its own key');
  return request;
}

function generalNames(hosts: string[]): JsonGeneralName[] {
  return [...new Set(hosts.map((host) => host.replace(/^\[|\]$/g, '').toLowerCase()))].map((value) => ({
    type: isIP(value) ? ('ip' as const) : ('dns' as const),
    value,
  }));
}
/** 128 bits, positive and not zero. */
function serial(random: Random): string {
  return `4${random.hex(16).slice(1)}`;
}
async function generate() {
  return (await subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}
async function exportKey(key: CryptoKey): Promise<string> {
  const base64 = Buffer.from(await subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${base64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
}
function importKey(pem: string) {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return subtle.importKey('pkcs8', der, algorithm, true, ['sign']);
}
async function pairOf(pem: string, dir: string): Promise<webcrypto.CryptoKeyPair> {
  try {
    const privateKey = await importKey(pem);
    const spki = (await publicOf(privateKey)).export({ type: 'spki', format: 'der' });
    return { privateKey, publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']) };
  } catch (cause) {
    throw damaged(dir, cause);
  }
}
async function publicOf(key: CryptoKey) {
  return createPublicKey(await exportKey(key));
}
