// The meaning of Ollama's errors: HTTP codes, a line in the middle of a stream, and messages of the runner behind it.

import { RuntimeError } from '@blackroad/model-server/runtime-error';
import type { FetchFault } from '@blackroad/protocol';
import type { HttpAnswer } from './http-json.ts';

export function problemOf(answer: HttpAnswer, model?: string): RuntimeError {
  const said = (answer.json as { error?: unknown } | undefined)?.error;
  const message = typeof said === 'string' ? said : `HTTP ${answer.status}: ${answer.text.slice(0, 200)}`;
  if (/not found|file does not exist/.test(message) && answer.status === 404)
    return new RuntimeError('unknown-model', message);
  if (answer.status === 503 || answer.status === 429) return new RuntimeError('overloaded', message);
  if (/does not support tools/.test(message)) return new RuntimeError('unsupported', message);
  if (/does not support (chat|generate|embed)/.test(message)) return new RuntimeError('wrong-kind', message);
  if (answer.status === 501) return wrongKind(model ?? 'the model', 'embed');
  if (/exceeds? the (context|maximum)|context length|too long/i.test(message))
    return new RuntimeError('too-long', message);
  if (/requires more system memory|unable to load|invalid file magic|unsupported model/i.test(message)) {
    return new RuntimeError('refused', message);
  }
  // A wrongly typed option gives a 500, which a retry does not cure.
  if (answer.status < 500 || /must be of type/.test(message)) return new RuntimeError('bad-request', message);
  return new RuntimeError('unavailable', message);
}

export function streamProblem(message: string): RuntimeError {
  return new RuntimeError(/exceeds? the context|context length/i.test(message) ? 'too-long' : 'unavailable', message);
}

/** What a failed pull was, by Ollama's words: it has no codes for it. The first row that fits counts. */
const pullFaults: readonly (readonly [RegExp, FetchFault])[] = [
  [/no space left on device|not enough (disk )?space/i, 'disk'],
  [/digest mismatch|invalid digest|sha256.*(mismatch|does not match)/i, 'digest'],
  [/file does not exist|manifest unknown|model .*not found|invalid model name/i, 'name'],
  [
    /dial tcp|no such host|i\/o timeout|connection (refused|reset)|unreachable|EOF|tls:|x509|max retries|timeout|stalled|TLS handshake|no Location header/i,
    'network',
  ],
];
export function pullProblem(name: string, message: string): RuntimeError {
  const fault = pullFaults.find(([words]) => words.test(message))?.[1] ?? 'other';
  const code = fault === 'name' ? 'unknown-model' : fault === 'disk' ? 'refused' : 'unavailable';
  return new RuntimeError(code, `pulling ${name}: ${message}`, { fault });
}

export function wrongKind(model: string, asked: 'chat' | 'embed'): RuntimeError {
  return new RuntimeError(
    'wrong-kind',
    asked === 'chat' ? `${model} makes embeddings, it cannot chat` : `${model} chats, it makes no embeddings`,
  );
}
