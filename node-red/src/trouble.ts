// Why something that a flow wanted was not done: a kind with the words that the node's status shows, and a sentence. In: problems of the
// coordinator, errors of a connection. Out: a Trouble.
import type { Problem } from '@blackroad/protocol';

/** What the status of a node says. */
const words = {
  'bad-settings': 'settings are not complete',
  'bad-message': 'message cannot be used',
  'wrong-key': 'wrong key',
  'no-permission': 'no permission',
  'unknown-agent': 'no such agent',
  'unknown-node': 'no such node',
  away: 'coordinator away',
  untrusted: 'certificate not trusted',
  busy: 'busy',
  full: 'queue full',
  late: 'no answer in time',
  failed: 'task failed',
  refused: 'refused',
  stopped: 'flow stopped',
} as const;
type TroubleKind = keyof typeof words;

export class Trouble extends Error {
  readonly kind: TroubleKind;
  /** The word that the coordinator has for it. */
  readonly code: string | null;
  /** After this time the same may go well. */
  readonly retryAfterMs: number;
  constructor(kind: TroubleKind, text: string, more: { code?: string; retryAfterMs?: number; cause?: unknown } = {}) {
    super(text, 'cause' in more ? { cause: more.cause } : {});
    this.name = 'FleetTrouble';
    this.kind = kind;
    this.code = more.code ?? null;
    this.retryAfterMs = more.retryAfterMs ?? 0;
  }
  /** Short, for a status. */
  get words(): string {
    return words[this.kind];
  }
  /** Whether it is of the moment: it may be gone without anybody changing anything. */
  get mayPass(): boolean {
    return this.kind === 'away' || this.kind === 'busy';
  }
}

const kinds: Readonly<Record<string, TroubleKind>> = {
  'not-signed-in': 'wrong-key',
  'not-allowed': 'no-permission',
  'no-such-agent': 'unknown-agent',
  'no-such-node': 'unknown-node',
  'rate-limited': 'busy',
  'queue-full': 'busy',
  unavailable: 'busy',
  'request-late': 'busy',
  'no-coordinator': 'away',
  'deadline-passed': 'late',
  'task-failed': 'failed',
};
const maxTextChars = 1_000;

/** `status`, `text`: of an answer that is no success. */
export function troubleOfAnswer(status: number, text: string): Trouble {
  const problem = problemIn(text);
  if (problem) {
    const { code, detail, title, retryAfterSeconds = 0 } = problem;
    const said = cut(detail ?? title);
    return new Trouble(kinds[code] ?? 'refused', said, { code, retryAfterMs: retryAfterSeconds * 1000 });
  }
  const said = `the address answers ${status}: ${cut(text.replace(/\s+/g, ' ').trim()) || 'nothing'}`;
  // A proxy before a coordinator that is away.
  if (status === 502 || status === 503 || status === 504) return new Trouble('away', said);
  return new Trouble('refused', `${said}. Is it that of a coordinator?`);
}

function problemIn(text: string): Problem | null {
  try {
    const found = JSON.parse(text) as Partial<Problem> | null;
    return typeof found?.code === 'string' && typeof found.title === 'string' ? (found as Problem) : null;
  } catch {
    return null;
  }
}

const untrusted = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
  'CERT_SIGNATURE_FAILURE',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** Of anything that was thrown. */
export function troubleOf(error: unknown): Trouble {
  return error instanceof Trouble ? error : new Trouble('refused', (error as Error).message, { cause: error });
}
/** Of an error of a connection to `address`. */
export function troubleOfConnection(address: string, error: unknown): Trouble {
  if (error instanceof Trouble) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  // Node names no message where all addresses of a host refused.
  const said = cut(message || code || 'no reason is known');
  if (untrusted.has(code))
    return new Trouble(
      'untrusted',
      `${address} has a certificate that is not trusted (${said}): give the fleet's CA, ca.pem of the coordinator's data folder`,
      { cause: error },
    );
  return new Trouble('away', `${address} does not answer: ${said}`, { cause: error });
}

const cut = (text: string) => (text.length > maxTextChars ? `${text.slice(0, maxTextChars)}...` : text);
