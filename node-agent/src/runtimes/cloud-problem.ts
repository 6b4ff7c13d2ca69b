// What the errors of the providers' clients have in common: the status, the words of the provider, and how long it wants to be left alone.
import { maxRetryAfterS } from '@blackroad/protocol';

/** The fields of an error of either client. */
interface ClientError {
  status?: unknown;
  headers?: unknown;
  message?: unknown;
  cause?: unknown;
}
interface CloudFault {
  /** Undefined: there was no answer, or its stream broke. */
  status: number | undefined;
  text: string;
  retryAfterS: number | undefined;
  cause: unknown;
}

export function faultOf(error: unknown): CloudFault {
  if (error instanceof SyntaxError)
    return { status: undefined, text: 'an event of the answer is not JSON', retryAfterS: undefined, cause: undefined };
  const given = (typeof error === 'object' && error !== null ? error : { message: error }) as ClientError;
  return {
    status: typeof given.status === 'number' ? given.status : undefined,
    text: typeof given.message === 'string' ? given.message : 'an error without words',
    retryAfterS: given.headers instanceof Headers ? retryAfterOf(given.headers) : undefined,
    // Errors of a connection are distinguished by their cause.
    cause: given.cause ?? error,
  };
}

/** Overload of the provider as a whole, or of what stands before it. */
export function isOverload(status: number | undefined): boolean {
  return (
    status !== undefined && (status === 502 || status === 503 || status === 504 || (status >= 520 && status <= 529))
  );
}

function retryAfterOf(headers: Headers): number | undefined {
  const ms = Number(headers.get('retry-after-ms') ?? Number.NaN);
  const said = headers.get('retry-after') ?? '';
  const seconds = Number.isFinite(ms) ? ms / 1000 : said === '' ? Number.NaN : Number(said);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, maxRetryAfterS) : undefined;
}
