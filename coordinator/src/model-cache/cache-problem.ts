// Why the model cache cannot give something, in the four kinds that a person can act on, and `busy`, which passes by itself. In: a kind and
// words. Out: an error, which the cache answers with the HTTP status of its kind.

export type CacheProblemKind =
  /** The place that it is fetched from cannot be reached, breaks off, or is switched off. */
  | 'network'
  /** That place does not have it under this name, or does not give it to everybody. */
  | 'name'
  /** There is no room for it on the disk of the cache. */
  | 'disk'
  /** The bytes that came do not have its digest. */
  | 'digest'
  /** Too many fetches or readers at the moment. */
  | 'busy';

export const problemStatus: Record<CacheProblemKind, number> = {
  network: 502,
  name: 404,
  disk: 507,
  digest: 502,
  busy: 503,
};

export class CacheProblem extends Error {
  override readonly name = 'CacheProblem';
  readonly kind: CacheProblemKind;
  /** Seconds after which another try may succeed; 0: nothing is known. */
  readonly retryAfterS: number;
  constructor(kind: CacheProblemKind, message: string, options: { cause?: unknown; retryAfterS?: number } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.kind = kind;
    this.retryAfterS = options.retryAfterS ?? 0;
  }
}

/** A CacheProblem; an error of the disk as one of kind `disk`, every other as one of kind `network`. */
export function asProblem(error: unknown, what: string): CacheProblem {
  if (error instanceof CacheProblem) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const isOfDisk = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EROFS' || code === 'EIO';
  return new CacheProblem(isOfDisk ? 'disk' : 'network', `${what}: ${code ?? message}`, { cause: error });
}
