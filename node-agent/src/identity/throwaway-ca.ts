// For tests: a CA that lives as long as the test, so that TLS is real everywhere and no key lies in the repository.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { coordinatorName } from '@blackroad/protocol';
import * as x509 from '@peculiar/x509';
import { createKey, writeCsr } from './csr.ts';
import { fingerprintOf } from './trust.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
x509.cryptoProvider.set(webcrypto as never);

export interface Validity {
  notBefore: Date;
  notAfter: Date;
}
export interface ThrowawayCa {
  pem: string;
  fingerprint: string;
  /** Signs a request; the CN is `commonName`, whatever the request says. */
  signCsr(csr: string, commonName: string, validity?: Validity, purpose?: 'server' | 'client'): Promise<string>;
  /** A server's key and chain (leaf and CA, as the coordinator shows it). */
  server(validity?: Validity): Promise<{ key: string; cert: string }>;
  client(commonName: string, validity?: Validity): Promise<{ key: string; certificate: string }>;
}

export async function createThrowawayCa(validity?: Validity): Promise<ThrowawayCa> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const span = validity ?? { notBefore: new Date(Date.UTC(2020, 0)), notAfter: new Date(Date.UTC(2099, 0)) };
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=throwaway CA',
    ...span,
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const pem = authority.toString('pem');
  let serial = 1;
  const signCsr = async (csr: string, commonName: string, wanted: Validity = span, purpose = 'client') => {
    const request = new x509.Pkcs10CertificateRequest(csr);
    if (!(await request.verify())) throw new Error('the request is not signed by its key');
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: (++serial).toString(16).padStart(4, '0'),
      subject: `CN=${commonName}`,
      issuer: authority.subject,
      ...wanted,
      signingAlgorithm: algorithm,
      publicKey: request.publicKey,
      signingKey: keys.privateKey,
      extensions: [
        new x509.ExtendedKeyUsageExtension([
          purpose === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
        ]),
      ],
    });
    return certificate.toString('pem');
  };
  const client = async (commonName: string, wanted?: Validity, purpose?: 'server' | 'client') => {
    const key = createKey();
    const certificate = await signCsr(writeCsr(key, commonName), commonName, wanted, purpose);
    return { key: key.export({ type: 'pkcs8', format: 'pem' }) as string, certificate };
  };
  return {
    pem,
    fingerprint: fingerprintOf(pem),
    signCsr,
    client,
    async server(wanted) {
      const { key, certificate } = await client(coordinatorName, wanted, 'server');
      return { key, cert: `${certificate}\n${pem}` };
    },
  };
}

/** The public key in a request, to compare requests by. */
export function publicKeyOf(csr: string): string {
  return Buffer.from(new x509.Pkcs10CertificateRequest(csr).publicKey.rawData).toString('hex');
}
