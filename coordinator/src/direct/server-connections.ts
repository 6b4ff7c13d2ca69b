// The connections to one model server of a node. In: where it is, and the certificate that its node saw there. Out: a pool; a server with
// another certificate is not spoken to.
import type { ModelServer } from '@blackroad/protocol';
import { buildConnector, Pool } from 'undici';

/** For the head of an answer: a large model on a long prompt. */
const headersTimeout = 300_000;
/** Between two pieces of an answer. */
const bodyTimeout = 120_000;
const connectTimeout = 3_000;
/** Shorter than servers keep theirs (uvicorn: 5 s): one that closes at the moment of reuse fails a request. */
const keepAliveTimeout = 4_000;

export function connectionsTo(host: string, { port, certificate }: ModelServer): Pool {
  const connect = buildConnector({ timeout: connectTimeout, rejectUnauthorized: false });
  const pinned: buildConnector.connector = (options, done) =>
    connect(options, (...told) => {
      const [error, socket] = told;
      if (error !== null || certificate === undefined) return done(...told);
      const seen = 'getPeerCertificate' in socket ? socket.getPeerCertificate().fingerprint256 : undefined;
      if (seen === certificate) return done(null, socket);
      socket.destroy();
      done(new Error('it has another certificate than its node told'), null);
    });
  const scheme = certificate === undefined ? 'http' : 'https';
  const named = host.includes(':') ? `[${host}]` : host;
  return new Pool(`${scheme}://${named}:${port}`, {
    connect: pinned,
    headersTimeout,
    bodyTimeout,
    keepAliveTimeout,
    keepAliveMaxTimeout: keepAliveTimeout,
    // How many are in use is bounded by the slots of the models.
    connections: null,
  });
}
