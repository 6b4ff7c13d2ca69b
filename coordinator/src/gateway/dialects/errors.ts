// Errors of the fleet in the words of each dialect: its clients decide by these whether they try again. Derived from the table of problems.
import { type FleetError, type ProblemCode, problems, toProblem } from '@blackroad/protocol';

type DialectName = 'openai' | 'anthropic' | 'ollama' | 'mcp';

const openaiTypes: Partial<Record<ProblemCode, { type: string; code: string }>> = {
  'not-signed-in': { type: 'invalid_request_error', code: 'invalid_api_key' },
  'not-allowed': { type: 'invalid_request_error', code: 'insufficient_permissions' },
  'no-such-model': { type: 'invalid_request_error', code: 'model_not_found' },
  'content-refused': { type: 'invalid_request_error', code: 'content_filter' },
  'prompt-too-long': { type: 'invalid_request_error', code: 'context_length_exceeded' },
  'not-supported': { type: 'invalid_request_error', code: 'unsupported_parameter' },
  'budget-used-up': { type: 'insufficient_quota', code: 'insufficient_quota' },
  'rate-limited': { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  'model-busy': { type: 'server_error', code: 'overloaded' },
};
export function openaiError(error: FleetError): {
  error: { message: string; type: string; param: string | null; code: string | null };
} {
  const { status } = problems[error.code];
  const known = openaiTypes[error.code];
  const type = known?.type ?? (status >= 500 ? 'server_error' : 'invalid_request_error');
  return { error: { message: error.message, type, param: fieldOf(error), code: known?.code ?? null } };
}

const anthropicTypes: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};
export function anthropicError(error: FleetError): { type: 'error'; error: { type: string; message: string } } {
  const status = statusIn('anthropic', error.code);
  const type = anthropicTypes[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  return { type: 'error', error: { type, message: error.message } };
}

/** A refusal of the whole request, which is before its messages are read: it names none of them [JSON-RPC 2.0, 5]. */
function mcpError(error: FleetError): {
  jsonrpc: '2.0';
  error: { code: number; message: string; data: object };
  id: null;
} {
  const code = error.code === 'invalid-request' ? -32600 : error.code === 'internal' ? -32603 : -32000;
  return { jsonrpc: '2.0', error: { code, message: error.message, data: toProblem(error) }, id: null };
}

export const ollamaError = (error: FleetError): { error: string } => ({ error: error.message });

/** The HTTP status by which the clients of a dialect know what to do. */
export function statusIn(dialect: DialectName, code: ProblemCode): number {
  // Anthropic's own word for a fleet without a free machine.
  if (dialect === 'anthropic' && (code === 'model-busy' || code === 'model-away')) return 529;
  // As it answers where a spend limit is reached: its clients try a 429 again.
  if (dialect === 'anthropic' && code === 'budget-used-up') return 400;
  return problems[code].status;
}
export function errorIn(dialect: DialectName, error: FleetError): object {
  if (dialect === 'openai') return openaiError(error);
  if (dialect === 'mcp') return mcpError(error);
  return dialect === 'anthropic' ? anthropicError(error) : ollamaError(error);
}

/** The field that an error of the body names: `body: messages[0].content: expected …`. */
function fieldOf({ message, code }: FleetError): string | null {
  if (code !== 'invalid-request' && code !== 'not-supported') return null;
  return /^(?:body: )?([A-Za-z_][\w.[\]]*): /.exec(message)?.[1] ?? null;
}
