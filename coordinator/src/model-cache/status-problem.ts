// What the HTTP status of a registry or hub means for the model cache. Pure.
import { CacheProblem } from './cache-problem.ts';

const usualPauseS = 5;

/** `retryAfter`: the header, seconds; dates are not read. */
export function statusProblem(url: string, status: number, retryAfter: string | undefined): CacheProblem {
  const { host, pathname } = new URL(url);
  if (status === 404 || status === 410) return new CacheProblem('name', `${host} has no ${pathname}`);
  if (status === 401 || status === 403)
    return new CacheProblem('name', `${host} does not give ${pathname} to everybody (${status})`);
  if (status === 429 || status >= 500) {
    const asked = Number(retryAfter);
    const retryAfterS = Number.isFinite(asked) && asked > 0 ? Math.ceil(asked) : usualPauseS;
    return new CacheProblem('network', `${host} answers ${status}`, { retryAfterS });
  }
  return new CacheProblem('network', `${host} answers ${status} for ${pathname}`);
}
