// Every failure that a person or program may see. HTTP status, CLI exit code and whether to retry follow from this table alone.
import { type Fault, faultInWords } from './fault-words.ts';
import { type Static, Type } from './typebox.ts';

interface ProblemRow {
  status: number;
  /** CLI exit code: 1 failed, 2 wrong use, 3 no coordinator or not allowed, 4 no such thing, 5 deadline passed. */
  exit: 1 | 2 | 3 | 4 | 5;
  retry: boolean;
  title: string;
}
const row = (status: number, exit: ProblemRow['exit'], retry: boolean, title: string): ProblemRow => ({
  status,
  exit,
  retry,
  title,
});

export const problems = {
  'invalid-request': row(400, 2, false, 'The request does not have the expected form'),
  'not-signed-in': row(401, 3, false, 'Sign in or send an API key'),
  'not-allowed': row(403, 3, false, 'This key may not do that'),
  'no-such-node': row(404, 4, false, 'No such node'),
  'no-such-agent': row(404, 4, false, 'No such agent'),
  'no-such-task': row(404, 4, false, 'No such task'),
  'no-such-conversation': row(404, 4, false, 'No such conversation'),
  'no-such-token': row(404, 4, false, 'No such join token'),
  'no-such-key': row(404, 4, false, 'No such key'),
  'no-such-session': row(404, 4, false, 'No such session'),
  'no-such-alert': row(404, 4, false, 'No such alert'),
  'no-such-route': row(404, 4, false, 'No such route'),
  'no-such-model': row(404, 4, false, 'No such model'),
  'no-such-file': row(404, 4, false, 'No such file'),
  'no-such-backup': row(404, 4, false, 'No such backup'),
  'no-such-release': row(404, 4, false, 'No such release'),
  'no-such-image': row(404, 4, false, 'No such image'),
  'no-such-rollout': row(404, 4, false, 'No such rollout'),
  'no-such-batch': row(404, 4, false, 'No such batch'),
  'no-such-document': row(404, 4, false, 'No such document'),
  'no-such-memory': row(404, 4, false, 'No such memory'),
  'no-such-webhook': row(404, 4, false, 'No such webhook'),
  'webhook-paused': row(503, 1, true, 'The webhook is paused'),
  'no-such-run': row(404, 4, false, 'No such run of consolidation'),
  'no-such-method': row(405, 2, false, 'Nothing is there by this method'),
  conflict: row(409, 1, false, 'That does not fit the present state'),
  'request-late': row(408, 1, true, 'The request did not come whole in time'),
  'too-large': row(413, 2, false, 'The request is too large'),
  'release-refused': row(400, 2, false, 'The release is not one that this fleet takes'),
  'document-refused': row(400, 2, false, 'The document has no text that can be read'),
  'image-refused': row(400, 2, false, 'The image is not one that this fleet takes'),
  'token-expired': row(403, 3, false, 'The join token has expired'),
  'token-used-up': row(403, 3, false, 'The join token has no uses left'),
  'token-revoked': row(403, 3, false, 'The join token was revoked'),
  'token-unknown': row(403, 3, false, 'The join token is not known here'),
  'csr-invalid': row(400, 2, false, 'The certificate request is damaged or not signed by its key'),
  'node-quarantined': row(403, 3, false, 'The node is quarantined until a person releases it'),
  'key-unknown': row(403, 3, false, 'The coordinator has another key on record for this node'),
  'reclaim-refused': row(409, 3, false, 'A machine with this hardware, or of the same image, is enrolled already'),
  'fleet-full': row(507, 1, false, 'A limit of the fleet is reached'),
  'queue-full': row(429, 1, true, 'The queue is full'),
  'budget-used-up': row(429, 1, false, 'The budget is used up'),
  'rate-limited': row(429, 1, true, 'Too many requests'),
  'node-away': row(503, 1, true, 'The node is not online'),
  'model-busy': row(503, 1, true, 'Every machine with the model is busy'),
  'model-away': row(503, 1, true, 'No machine can answer with the model now'),
  'model-failed': row(502, 1, true, 'The model server failed'),
  'content-refused': row(400, 2, false, 'The model, or its provider, declines the content'),
  'prompt-too-long': row(400, 2, false, 'The prompt does not fit the context of the model'),
  'not-supported': row(400, 2, false, 'The fleet does not have what the request asks for'),
  'deadline-passed': row(504, 5, true, 'The deadline passed'),
  'task-failed': row(502, 1, false, 'The task failed'),
  'task-cancelled': row(409, 1, false, 'The task was cancelled'),
  'no-coordinator': row(503, 3, true, 'The coordinator does not answer'),
  unavailable: row(503, 1, true, 'Not available now'),
  'storage-failed': row(500, 1, false, 'The data could not be stored'),
  'object-damaged': row(500, 1, false, 'What was kept is damaged'),
  internal: row(500, 1, false, 'A fault in the coordinator; its log says more'),
} as const satisfies Record<string, ProblemRow>;

export type ProblemCode = keyof typeof problems;

export interface ProblemDetails {
  /** What happened, for people: the field, the value that came, the value that was expected. */
  detail?: string;
  /** `text`: the words of the process that reported the fault. */
  faults?: (Fault & { text?: string })[];
  retryAfterSeconds?: number;
}

/** An operating error with a code of the table. */
export class FleetError extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;
  constructor(code: ProblemCode, details: ProblemDetails = {}, options?: { cause?: unknown }) {
    super(details.detail ?? problems[code].title, options);
    this.name = 'FleetError';
    this.code = code;
    this.details = details;
  }
}

/** RFC 9457 problem object: the API answers with it, the CLI prints it with --json. */
export const Problem = Type.Object({
  type: Type.String(),
  code: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.Optional(Type.String()),
  faults: Type.Optional(
    Type.Array(
      Type.Object({
        field: Type.String(),
        expected: Type.String(),
        got: Type.String(),
        text: Type.Optional(Type.String({ description: 'The same as a sentence for people.' })),
      }),
    ),
  ),
  retryAfterSeconds: Type.Optional(Type.Number()),
});
export type Problem = Static<typeof Problem>;

export function toProblem(error: FleetError): Problem {
  const { status, title } = problems[error.code];
  const { faults } = error.details;
  return {
    type: `urn:blackroad:problem:${error.code}`,
    code: error.code,
    title,
    status,
    ...error.details,
    ...(faults ? { faults: faults.map(toldFault) } : {}),
  };
}
function toldFault({ text, ...fault }: NonNullable<ProblemDetails['faults']>[number]) {
  const { field, expected, got } = fault;
  return { field, expected, got, text: text ?? faultInWords(fault) };
}
/** The reverse, for clients. Unknown codes become `internal`. */
export function fromProblem(problem: Problem): FleetError {
  const code = Object.hasOwn(problems, problem.code) ? (problem.code as ProblemCode) : 'internal';
  const { detail = problem.title, faults, retryAfterSeconds } = problem;
  return new FleetError(code, {
    detail,
    ...(faults ? { faults } : {}),
    ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
  });
}
