// One TLS connection to the coordinator that is verified before a byte of ours is sent on it. In: the address, and the trust: at first
// contact the SHA-256 fingerprint of the CA (from the join token), later the CA itself. Out: a verified socket. It must never return a
// socket whose peer was not signed by that CA.
//
// Host names are not checked, the CA is pinned instead: a fleet's private CA signs only coordinators and nodes of this fleet, and one
// coordinator is reached as coordinator.local, by an address of the LAN or through a VPN, none of which the certificate may name. The role
// is checked: the CA signs nodes too, and none of them may pass for the coordinator.
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { coordinatorName, isSlug } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { sha256Hex } from '@blackroad/std/sha256';

export type Trust = { fingerprint: string } | { ca: string };
interface Peer {
  host: string;
  port: number;
  trust: Trust;
  /** The peer must be the coordinator itself; otherwise a broker of the fleet is accepted too, which may have a name of its own. */
  coordinator?: true;
  /** From surelyPastMs: a certificate that ended after it is accepted, as this clock may run ahead. Missing: the clock is trusted. */
  surelyPastMs?: number;
  /** Client certificate, where the node has one. */
  credentials?: { key: string; certificate: string };
  /** Made with `contextOf` of the same trust and credentials, where several tries share one. */
  context?: SecureContext;
  /** A TLS session to resume: it halves the broker's work for a reconnection. */
  session?: Buffer;
  /** Called with each session the peer offers; listens from the start, because TLS 1.3 sends it right after the handshake. */
  onSession?: (session: Buffer) => void;
  /** Ends the try at once. */
  signal?: AbortSignal;
}

/**
 * Why the peer is not trusted or cannot be reached, in words. `refusesUs`: the peer does not trust this node; `perhaps` where the peer
 * closed the connection after the handshake without an alert, as Node's TLS server does after a bad certificate.
 */
export class ConnectProblem extends Error {
  readonly refusesUs: boolean | 'perhaps';
  /** No peer was reached: not one byte was exchanged. */
  get unreached(): boolean {
    return ((this.cause as { code?: string } | undefined)?.code ?? '') in unreachedWords;
  }
  constructor(message: string, refusesUs: boolean | 'perhaps' = false, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ConnectProblem';
    this.refusesUs = refusesUs;
  }
}

/** Where a coordinator's address leads; `hosted` is its host as HTTP names it. */
export function peerAt(url: string): { host: string; port: number; hosted: string } {
  const { hostname, port, host: hosted } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443), hosted };
}

/** Keys and certificates, parsed: half the work of a try that reaches no peer. */
export function contextOf({ trust, credentials }: Pick<Peer, 'trust' | 'credentials'>): SecureContext {
  return createSecureContext({
    ...('ca' in trust ? { ca: [trust.ca] } : {}),
    ...(credentials ? { key: credentials.key, cert: credentials.certificate } : {}),
    minVersion: 'TLSv1.2',
  });
}

/** Connects and verifies; rejects with ConnectProblem. */
export function connectTrusted(peer: Peer, clock: Clock, deadlineMs: number): Promise<TLSSocket> {
  const where = `${peer.host}:${peer.port}`;
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: peer.host,
      port: peer.port,
      // SNI must not hold an address [RFC 6066 3].
      ...(isIP(peer.host) ? {} : { servername: peer.host }),
      secureContext: peer.context ?? contextOf(peer),
      ...(peer.session ? { session: peer.session } : {}),
      // Checked below, before anything is sent: OpenSSL cannot check a fingerprint, nor anything with a clock that runs behind.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    const timer = clock.after(deadlineMs, () => fail(new ConnectProblem(`${where} does not answer`)));
    const fail = (problem: ConnectProblem) => {
      timer.cancel();
      peer.signal?.removeEventListener('abort', onAbort);
      socket.on('error', () => {});
      socket.destroy();
      reject(problem);
    };
    const onAbort = () => fail(new ConnectProblem('stopped'));
    if (peer.signal?.aborted) return onAbort();
    peer.signal?.addEventListener('abort', onAbort);
    if (peer.onSession) socket.on('session', peer.onSession);
    const onError = (error: Error) => fail(inWords(error, where));
    const onClose = () => fail(new ConnectProblem(`${where} closed the connection during the TLS handshake`));
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.once('secureConnect', () => {
      const fault =
        'ca' in peer.trust ? caFault(socket, peer.trust.ca, clock, peer) : pinFault(socket, peer.trust.fingerprint);
      if (fault) return fail(new ConnectProblem(`${where} is not this fleet's coordinator: ${fault}`));
      timer.cancel();
      peer.signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('close', onClose);
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

/** SHA-256 of a certificate's DER bytes, lower-case hex. */
export function fingerprintOf(pem: string): string {
  return sha256Hex(new X509Certificate(pem).raw);
}

/** First contact: the chain must contain the CA with the pinned fingerprint, and that CA must have signed the leaf. */
function pinFault(socket: TLSSocket, fingerprint: string): string | null {
  const chain = chainOf(socket);
  const leaf = chain[0];
  if (!leaf) return 'it shows no certificate';
  for (const certificate of chain) {
    if (sha256Hex(certificate.raw) !== fingerprint) continue;
    if (!signedBy(leaf, certificate)) return 'its certificate is not signed by the CA that the join token names';
    return roleFault(leaf, true);
  }
  return 'it does not show the CA that the join token names';
}

function caFault(
  socket: TLSSocket,
  ca: string,
  clock: Clock,
  { coordinator, surelyPastMs = clock.nowMs() }: Pick<Peer, 'coordinator' | 'surelyPastMs'>,
): string | null {
  // A resumed session was fully verified when it began, and it is stored for one CA and key.
  if (socket.isSessionReused()) return null;
  const [leaf] = chainOf(socket);
  const role = leaf && roleFault(leaf, coordinator === true);
  if (role) return role;
  if (socket.authorized) return null;
  const reason = String(socket.authorizationError);
  const authority = new X509Certificate(ca);
  if (!leaf || !signedBy(leaf, authority)) return reason;
  if (reason === 'CERT_HAS_EXPIRED') {
    const endMs = Math.min(leaf.validToDate.getTime(), authority.validToDate.getTime());
    if (surelyPastMs <= endMs) return null;
    const [end, now] = [endMs, clock.nowMs()].map((ms) => new Date(ms).toISOString().slice(0, 10));
    return `its certificate ended on ${end}, and the clock of this machine shows ${now}: one of them is wrong`;
  }
  // A Pi has no clock battery and boots in the past, where every certificate is "not yet valid". The pinned CA signed it, so our clock is
  // wrong.
  const behind = clock.nowMs() < Math.max(leaf.validFromDate.getTime(), authority.validFromDate.getTime());
  return reason === 'CERT_NOT_YET_VALID' && behind ? null : reason;
}

const serverAuth = '1.3.6.1.5.5.7.3.1';
/**
 * One CA signs for two roles: the owner of a node's certificate must not pass for the coordinator. OpenSSL checks the purpose too, but
 * reports only the first fault it finds, which may be a clock that runs behind. A node's certificate always has a purpose, and its name is
 * always that of a node.
 */
function roleFault(leaf: X509Certificate, coordinator: boolean): string | null {
  const purposes = leaf.keyUsage ?? [];
  const serves = purposes.includes(serverAuth) || (purposes.length === 0 && !coordinator);
  if (!serves) return 'its certificate is not one of a server: a node has no part as coordinator';
  const name = /^CN=(.+)$/m.exec(leaf.subject)?.[1] ?? '';
  if (coordinator && isSlug(name) && name !== coordinatorName)
    return `its certificate is that of the node ${name}, not the coordinator's`;
  return null;
}

function signedBy(leaf: X509Certificate, authority: X509Certificate): boolean {
  return authority.ca && leaf.checkIssued(authority) && leaf.verify(authority.publicKey);
}

/**
 * At most a few links: a stranger could send an endless chain.
 * Read once a socket: in Node 24 every later call of getPeerX509Certificate or getPeerCertificate finds the chain gone.
 */
function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let link = socket.getPeerX509Certificate();
  while (link && chain.length < 8) {
    chain.push(link);
    link = link.issuerCertificate;
  }
  return chain;
}

const unreachedWords = {
  ECONNREFUSED: 'nothing listens there (is the coordinator running?)',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be looked up now (is the network up?)',
  EHOSTUNREACH: 'no way there',
  ENETUNREACH: 'the network is down',
};
const words: Record<string, string> = {
  ...unreachedWords,
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'the connection was reset',
};
/** A connection error in words for people. */
export function inWords(
  error: Error & { code?: string; library?: string; reason?: string },
  where: string,
): ConnectProblem {
  const code = error.code ?? '';
  // The peer's TLS alert about our certificate: expired, unknown CA, revoked, access denied.
  const alert = /alert ([a-z ]+)/.exec(error.message)?.[1] ?? error.reason ?? '';
  if (/^ERR_SSL.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/.test(code)) {
    return new ConnectProblem(`${where} refuses this node's certificate: ${alert.trim() || code}`, true, {
      cause: error,
    });
  }
  return new ConnectProblem(`${where}: ${words[code] ?? error.message}`, false, { cause: error });
}
