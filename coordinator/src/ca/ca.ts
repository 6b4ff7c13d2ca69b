// The fleet's private certificate authority: one P-256 key under `dir`, which signs the certificates of nodes, of the coordinator's own
// listeners and of its client to an external broker. In: certificate requests and host names. Out: PEM. It judges keys and signatures
// alone; which machine may become a node is decided before. The CA key must never leave this folder, and a lost key or certificate is never
// replaced silently: every node would be locked out.
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
  /** The number of nodes that have certificates: with any, there must be a CA already. Called only when there is none. */
  enrolled: () => Promise<number>;
}
interface Span {
  fromMs: number;
  toMs: number;
}
interface KeyAndCertificate {
  key: string;
  cert: string;
}
/** The key of the CA and its certificate. */
interface Authority {
  signingKey: CryptoKey;
  certificate: X509Certificate;
}
/** User name of the coordinator on an external broker. The dot keeps it apart from every node id. */
export const coordinatorUser = 'fleet.coordinator';

const dayMs = 86_400_000;
const caMs = 10 * 365 * dayMs;
const serverMs = 2 * 365 * dayMs;
/** Certificates begin in the past: a Pi has no clock battery, and at boot its clock may be years behind. */
const beforeAnyPiMs = Date.UTC(2020, 0, 1);
const ticketKeysMs = 7 * dayMs;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const subtle = globalThis.crypto.subtle;
type CryptoKey = webcrypto.CryptoKey;

export async function openCa(options: CaOptions): Promise<Ca> {
  const { dir, enrolled } = options;
  const paths = { key: join(dir, 'ca-key.pem'), cert: join(dir, 'ca.pem') };
  const keyPem = readSecret(paths.key);
  const certPem = readSecret(paths.cert);
  if (keyPem && certPem) {
    const authority = await readAuthority(keyPem, certPem, dir);
    if (!new NodeCertificate(certPem).publicKey.equals(await publicOf(authority.signingKey))) {
      throw new FleetError('storage-failed', { detail: `${paths.key} does not belong to ${paths.cert}` });
    }
    return new Ca(options, authority);
  }
  if (certPem) {
    // A new CA would lock every node out, so only a person may decide that.
    const detail = `${paths.key} is missing beside ${paths.cert}: restore it, or remove both to begin a new fleet`;
    throw new FleetError('storage-failed', { detail });
  }
  if (!keyPem) refuseToReplace(dir, await enrolled());
  // There is a key alone: a first start was interrupted between the two files, or the certificate was lost. A certificate that is made again
  // from the same key verifies all that it signed; only unused join tokens have the old fingerprint.
  const keys = keyPem ? await pairOf(keyPem.toString(), dir) : await generate();
  const certificate = await selfSigned(keys, options);
  if (!keyPem) writeSecret(paths.key, await exportKey(keys.privateKey));
  writeSecret(paths.cert, `${certificate.toString('pem')}\n`);
  return new Ca(options, { signingKey: keys.privateKey, certificate });
}

async function readAuthority(keyPem: Buffer, certPem: Buffer, dir: string): Promise<Authority> {
  try {
    return {
      signingKey: await importKey(keyPem.toString()),
      certificate: new X509Certificate(certPem.toString()),
    };
  } catch (cause) {
    throw damaged(dir, cause);
  }
}

async function selfSigned(keys: webcrypto.CryptoKeyPair, { random, clock, fleetName }: CaOptions) {
  return X509CertificateGenerator.createSelfSigned({
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
}

class Ca {
  /** PEM of the CA certificate. */
  readonly pem: string;
  /** SHA-256 of the CA certificate's DER, hex; it is part of a join token. */
  readonly fingerprint: string;
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #authority: Authority;

  constructor({ dir, clock, random }: CaOptions, authority: Authority) {
    this.#dir = dir;
    this.#clock = clock;
    this.#random = random;
    this.#authority = authority;
    this.pem = `${authority.certificate.toString('pem')}\n`;
    this.fingerprint = sha256Hex(new Uint8Array(authority.certificate.rawData));
  }

  /**
   * Key and certificate of the coordinator's listeners: localhost, its addresses and `hosts`. Kept under `dir`, and made anew when a host is
   * missing from it or its end is near.
   */
  issueServer({ hosts }: { hosts: readonly string[] }): Promise<KeyAndCertificate> {
    const names = generalNames(['localhost', '127.0.0.1', '::1', ...hosts]);
    const wanted = names.map(({ value }) => value);
    const covers = (certificate: NodeCertificate) =>
      wanted.every((host) => (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined);
    return this.#kept('server', covers, (publicKey) =>
      this.#sign(coordinatorName, publicKey, ExtendedKeyUsage.serverAuth, this.#lifeOf(serverMs), names),
    );
  }

  /** The coordinator's own client certificate for an external broker that wants mTLS. */
  issueCoordinatorClient(): Promise<KeyAndCertificate> {
    return this.#kept(
      'client',
      (certificate) => certificate.subject === `CN=${coordinatorUser}`,
      (publicKey) => this.#sign(coordinatorUser, publicKey, ExtendedKeyUsage.clientAuth, this.#lifeOf(serverMs)),
    );
  }

  /** Checks size, form, curve and the request's own signature. Throws FleetError `csr-invalid`. */
  async readCsr(pem: string): Promise<{ keyFingerprint: string }> {
    const request = await checkedCsr(pem);
    return { keyFingerprint: sha256Hex(new Uint8Array(request.publicKey.rawData)) };
  }

  /** Whether the key of a request signed this text (ECDSA over SHA-256, DER). */
  async isSignedBy(csr: string, text: string, signature: Buffer): Promise<boolean> {
    const { publicKey } = await checkedCsr(csr);
    const key = createPublicKey({ key: Buffer.from(publicKey.rawData), format: 'der', type: 'spki' });
    return verify('sha256', Buffer.from(text), key, signature);
  }

  /** A client certificate with the node's id as CN. */
  async signNode({ node, csr, notAfterMs }: { node: string; csr: string; notAfterMs: number }): Promise<string> {
    if (!isSlug(node)) {
      throw new FleetError('invalid-request', {
        detail: `node: expected a node id, got ${JSON.stringify(node).slice(0, 80)}`,
      });
    }
    const request = await checkedCsr(csr);
    const publicKey = await request.publicKey.export(algorithm, ['verify']);
    const fromMs = this.#clock.nowMs() - dayMs;
    return this.#sign(node, publicKey as CryptoKey, ExtendedKeyUsage.clientAuth, { fromMs, toMs: notAfterMs });
  }

  /** 48 bytes that seal TLS session tickets, kept for a week, so that nodes resume after a restart of the coordinator. */
  ticketKeys(): Buffer {
    const path = join(this.#dir, 'ticket-keys');
    const stored = readSecret(path);
    const nowMs = this.#clock.nowMs();
    if (stored?.length === 56 && nowMs - Number(stored.readBigUInt64BE(48)) < ticketKeysMs) {
      return stored.subarray(0, 48);
    }
    const fresh = Buffer.alloc(56, this.#random.hex(48), 'hex');
    fresh.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(nowMs))), 48);
    writeSecret(path, fresh);
    return fresh.subarray(0, 48);
  }

  #lifeOf(spanMs: number): Span {
    return { fromMs: beforeAnyPiMs, toMs: this.#clock.nowMs() + spanMs };
  }

  async #sign(
    subject: string,
    publicKey: CryptoKey,
    usage: ExtendedKeyUsage,
    span: Span,
    names: JsonGeneralName[] = [],
  ): Promise<string> {
    const { signingKey, certificate: authority } = this.#authority;
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serial(this.#random),
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

  async #kept(
    name: string,
    stillFits: (certificate: NodeCertificate) => boolean,
    make: (publicKey: CryptoKey) => Promise<string>,
  ): Promise<KeyAndCertificate> {
    const paths = { key: join(this.#dir, `${name}-key.pem`), cert: join(this.#dir, `${name}.pem`) };
    const key = readSecret(paths.key)?.toString();
    const cert = readSecret(paths.cert)?.toString();
    if (key && cert && this.#fits(cert, key, stillFits)) return { key, cert };
    const keys = await generate();
    const fresh = { key: await exportKey(keys.privateKey), cert: await make(keys.publicKey) };
    writeSecret(paths.key, fresh.key);
    writeSecret(paths.cert, fresh.cert);
    return fresh;
  }
  /** Whether the certificate is of this key, signed by the present CA, and has a third of its life left. */
  #fits(cert: string, key: string, stillFits: (certificate: NodeCertificate) => boolean): boolean {
    try {
      const certificate = new NodeCertificate(cert);
      return (
        certificate.verify(new NodeCertificate(this.pem).publicKey) &&
        certificate.checkPrivateKey(createPrivateKey(key)) &&
        Date.parse(certificate.validTo) - this.#clock.nowMs() > serverMs / 3 &&
        stillFits(certificate)
      );
    } catch {
      return false; // a damaged one is made anew, as nothing depends on it
    }
  }
}

function damaged(dir: string, cause: unknown): FleetError {
  return new FleetError(
    'storage-failed',
    { detail: `the CA under ${dir} is damaged; restore it from a copy` },
    { cause },
  );
}
/** A new CA that is made silently would lock every node out and end every join token. */
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
