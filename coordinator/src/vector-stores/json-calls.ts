// JSON over HTTP to a vector store: one pool of connections, a deadline and a ceiling for every answer. In: a path and a body. Out: the answer's JSON.
// What goes wrong is a VectorStoreError that holds neither the key nor more than a piece of the answer.
import { Pool } from 'undici';
import { unreachable, VectorStoreError } from './vector-store.ts';

interface JsonCall {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  body?: object;
  /** Statuses beside 2xx that are an answer; its value is null. */
  alsoFine?: readonly number[];
}
interface JsonCallsParts {
  origin: string;
  /** Sent with every call; `key` is one of them. */
  headers: Readonly<Record<string, string>>;
  key: string;
  /** What an error answer says for people, by the store's own form. */
  reasonIn: (answer: unknown) => unknown;
}

const connections = 4;
const connectWithinMs = 5_000;
/** A store that builds its index answers a write late. */
const answerWithinMs = 30_000;
const maxAnswerBytes = 8 * 1024 * 1024;
const shownChars = 200;

export class JsonCalls {
  readonly #parts: JsonCallsParts;
  readonly #pool: Pool;

  constructor(parts: JsonCallsParts) {
    this.#parts = parts;
    this.#pool = new Pool(parts.origin, {
      connections,
      connect: { timeout: connectWithinMs },
      headersTimeout: answerWithinMs,
      bodyTimeout: answerWithinMs,
      maxResponseSize: maxAnswerBytes,
    });
  }

  /** @throws VectorStoreError */
  async call({ method, path, body, alsoFine = [] }: JsonCall): Promise<object | null> {
    const headers = { ...this.#parts.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const { statusCode, text } = await this.#asked({
      ...{ method, path, headers },
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (alsoFine.includes(statusCode)) return null;
    const answer = parsed(text);
    if (statusCode < 200 || statusCode > 299) throw this.#refusal(statusCode, answer);
    if (typeof answer !== 'object' || answer === null)
      throw new VectorStoreError('away', 'It answered something that is no JSON object.');
    return answer;
  }
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #asked(order: Parameters<Pool['request']>[0]): Promise<{ statusCode: number; text: string }> {
    try {
      const { statusCode, body } = await this.#pool.request(order);
      return { statusCode, text: await body.text() };
    } catch (error) {
      throw unreachable(error);
    }
  }
  #refusal(status: number, answer: unknown): VectorStoreError {
    if (status === 401 || status === 403)
      return new VectorStoreError('refused', `It refuses the key (HTTP ${status}): see --vectors-key-file.`);
    const { reasonIn, key } = this.#parts;
    const said = reasonIn(answer);
    // A proxy may send back what it was sent.
    const shown = typeof said === 'string' && !(key !== '' && said.includes(key)) ? said.slice(0, shownChars) : '';
    const reason = shown === '' ? '' : `: ${shown}`;
    // 408, 429 and what a proxy says end by themselves.
    const isFor = status >= 500 || status === 408 || status === 429 ? 'away' : 'refused';
    return new VectorStoreError(isFor, `It answered HTTP ${status}${reason}.`);
  }
}
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
