// The meaning of errors of the OpenAI dialect, for which vLLM, llama-server and the clouds use different texts.
import type { HttpAnswer } from './http-json.ts';
import { RuntimeError, type RuntimeErrorCode } from './runtime.ts';

interface WireError {
  message?: unknown;
  type?: unknown;
  code?: unknown;
}

/** The error of an answer that is not 200. */
export function problemOf(answer: HttpAnswer): RuntimeError {
  const body = answer.json as ({ error?: WireError | string; detail?: unknown } & WireError) | undefined;
  const error = typeof body?.error === 'object' && body.error !== null ? body.error : (body ?? {});
  const said = typeof body?.error === 'string' ? body.error : (error.message ?? body?.detail);
  const message = typeof said === 'string' ? said : `HTTP ${answer.status}: ${answer.text.slice(0, 200)}`;
  const type = typeof error.type === 'string' ? error.type : '';
  return new RuntimeError(codeOf(answer.status, type, message), message);
}

/** The error in a stream under HTTP 200. */
export function streamProblem(error: unknown): RuntimeError {
  const { message, type } = (typeof error === 'object' && error !== null ? error : { message: error }) as WireError;
  const text = typeof message === 'string' ? message : 'the server ended the answer with an error';
  const code = codeOf(500, typeof type === 'string' ? type : '', text);
  return new RuntimeError(code, text);
}

function codeOf(status: number, type: string, message: string): RuntimeErrorCode {
  const tooLong = /maximum context length|exceeds? the available context|input is too large|is too large to process/i;
  if (type === 'exceed_context_size_error' || tooLong.test(message)) return 'too-long';
  if (/loading model/i.test(message)) return 'unavailable';
  if (type === 'insufficient_quota') return 'refused';
  if (status === 429 || status === 503) return 'overloaded';
  if (status === 401 || status === 403) return 'wrong-key';
  if (/tool.choice|tool-call-parser|does not support tools/i.test(message)) return 'unsupported';
  if (/not support.{0,20}(embedding|chat|completion)|(embedding|chat|completion)s? api/i.test(message))
    return 'wrong-kind';
  if (status === 501) return 'unsupported';
  if (status === 404) return 'unknown-model';
  return status < 500 ? 'bad-request' : 'unavailable';
}
