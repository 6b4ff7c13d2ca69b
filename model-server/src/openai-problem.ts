// The meaning of errors of the OpenAI dialect, for which vLLM, llama-server and the clouds use different texts.
import { RuntimeError, type RuntimeErrorCode } from './runtime-error.ts';

/** An answer with its whole body. */
export interface AnswerWithBody {
  status: number;
  text: string;
  /** The parsed body; undefined when it is not JSON. */
  json: unknown;
}
interface WireError {
  message?: unknown;
  type?: unknown;
  code?: unknown;
}

/** The error of an answer that is not 200. */
export function problemOf(answer: AnswerWithBody): RuntimeError {
  const body = answer.json as ({ error?: WireError | string; detail?: unknown } & WireError) | undefined;
  const error = typeof body?.error === 'object' && body.error !== null ? body.error : (body ?? {});
  const said = typeof body?.error === 'string' ? body.error : (error.message ?? body?.detail);
  const message = typeof said === 'string' ? said : `HTTP ${answer.status}: ${answer.text.slice(0, 200)}`;
  return new RuntimeError(codeOf(answer.status, error, message), message);
}

/** The error in a stream under HTTP 200. */
export function streamProblem(error: unknown): RuntimeError {
  const given = (typeof error === 'object' && error !== null ? error : { message: error }) as WireError;
  const text = typeof given.message === 'string' ? given.message : 'the server ended the answer with an error';
  return new RuntimeError(codeOf(statusIn(given), given, text), text);
}

/** vLLM names the status that the answer would have had, as `code`. */
function statusIn({ code }: WireError): number {
  return typeof code === 'number' && code >= 400 && code <= 599 ? code : 500;
}

const tooLong =
  /maximum context length|exceeds? the available context|input is too large|is too large to process|context.length.exceeded/i;
const noCredit = /^(insufficient_quota|billing_hard_limit_reached|billing_not_active|insufficient_credits?)$/;
const filtered = /^(content_filter|content_policy_violation)$/;

/** By the words for programs first: the same status has several meanings. */
function codeOf(status: number, error: WireError, message: string): RuntimeErrorCode {
  const words = [error.type, error.code].filter((word) => typeof word === 'string');
  const says = (pattern: RegExp) => words.some((word) => pattern.test(word));
  if (says(/^(exceed_context_size_error|context_length_exceeded)$/) || tooLong.test(message)) return 'too-long';
  if (/loading model/i.test(message)) return 'unavailable';
  if (says(noCredit) || status === 402) return 'no-credit';
  if (says(filtered)) return 'filtered';
  if (says(/^model_not_found$/)) return 'unknown-model';
  if (says(/^rate_limit_(exceeded|error)$/)) return 'rate-limited';
  if (status === 429 || status === 503) return 'overloaded';
  if (status === 401 || status === 403) return 'wrong-key';
  if (/tool.choice|tool-call-parser|does not support tools/i.test(message)) return 'unsupported';
  if (/not support.{0,20}(embedding|chat|completion)|(embedding|chat|completion)s? api/i.test(message))
    return 'wrong-kind';
  if (status === 501) return 'unsupported';
  if (status === 404) return 'unknown-model';
  return status < 500 ? 'bad-request' : 'unavailable';
}
