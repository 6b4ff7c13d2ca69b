// Real certificates for tests that need a broker: a CA in a folder of its own, nodes with keys of their own, and strangers.
// In: node ids. Out: PEM. Used by the bus's conformance suite; nothing here is a mock.
import type { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import { openCa } from '../../coordinator/src/ca/ca.ts';
import { Pkcs10CertificateRequestGenerator } from '../../coordinator/src/ca/x509.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface Identity {
  key: string;
  cert: string;
  keyFingerprint: string;
}

/** A P-256 key and its request, as a node makes them. */
export async function makeRequest(): Promise<{ key: string; csr: string }> {
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=node',
    keys,
    signingAlgorithm: algorithm,
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`, csr: request.toString('pem') };
}

/** A CA under a temporary folder and what it signs. `close` removes the folder. */
export async function openTestCa() {
  const dir = mkdtempSync(join(tmpdir(), 'fleet-ca-'));
  const ca = await openCa({
    dir,
    clock: systemClock,
    random: systemRandom,
    fleetName: 'test',
    enrolled: async () => 0,
  });
  return {
    dir,
    ca,
    async node(node: string, notAfterMs = systemClock.nowMs() + 86_400_000): Promise<Identity> {
      const { key, csr } = await makeRequest();
      const { keyFingerprint } = await ca.readCsr(csr);
      return { key, cert: await ca.signNode({ node, csr, notAfterMs }), keyFingerprint };
    },
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
}
export type TestCa = Awaited<ReturnType<typeof openTestCa>>;
