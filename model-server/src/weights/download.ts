// Downloads one file over HTTP(S) into `<target>.part`, continues where an earlier try ended, follows redirects. In: a URL, a target, its
// size. Out: a complete file at `target` (the caller verifies its SHA-256) or a FetchProblem. It never writes more than `sizeBytes` and
// never waits without a deadline.
import { open, rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep } from '@blackroad/std/clock';
import { httpGet, RedirectError } from '@blackroad/std/http-get';
import type { Random } from '@blackroad/std/random';
import { abortedProblem, FetchProblem } from './fetch-problem.ts';

interface Download {
  url: string;
  target: string;
  sizeBytes: number;
  clock: Clock;
  random: Random;
  signal?: AbortSignal;
  headers?: Record<string, string>;
  /** How the answer is asked for; absent: by a GET of the URL. */
  open?: (headers: Record<string, string>) => Promise<IncomingMessage>;
  onBytes?: (completedBytes: number) => void;
}

const stallMs = 30_000;
const maxTries = 5;

/** Throws FetchProblem. A `.part` file stays when the connection broke, so that no byte is fetched twice. */
export async function download(order: Download): Promise<void> {
  const part = `${order.target}.part`;
  for (let attempt = 0; ; attempt++) {
    const answered = { yet: false };
    try {
      await continueDownload(order, part, answered);
      await rename(part, order.target);
      return;
    } catch (error) {
      if (order.signal?.aborted) throw abortedProblem();
      const problem = asProblem(error, order.url);
      // An unreachable host will not be there in two seconds either; an interrupted transfer can continue.
      if (problem.kind !== 'unreachable' || !answered.yet || attempt + 1 >= maxTries) throw problem;
      await sleep(order.clock, backoffMs({ firstMs: 500, maxMs: 8000 }, attempt, order.random));
    }
  }
}

async function continueDownload(order: Download, part: string, answered: { yet: boolean }): Promise<void> {
  let have = await sizeOf(part);
  if (have > order.sizeBytes) {
    await rm(part, { force: true });
    have = 0;
  }
  if (have === order.sizeBytes) return;
  const range: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
  const headers = { ...order.headers, ...range };
  const response = await (order.open?.(headers) ?? get(order.url, headers, order.clock, order.signal));
  const status = response.statusCode ?? 0;
  if (status !== 200 && status !== 206) {
    response.destroy();
    // The model cache of the coordinator says why.
    const { 'x-fleet-problem': why = `answered ${status}` } = response.headers;
    throw new FetchProblem('refused', `${order.url} ${why}`);
  }
  answered.yet = true;
  // 200 to a ranged request: the place cannot resume, so the download starts again.
  if (status === 200) have = 0;
  const watch = () =>
    order.clock.after(stallMs, () => response.destroy(new Error(`nothing came for ${stallMs / 1000} s`)));
  let stall = watch();
  // Written piece by piece, not through a pipeline: that would discard its buffer when the connection breaks.
  const file = await open(part, have > 0 ? 'a' : 'w');
  let completed = have;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (completed + chunk.length > order.sizeBytes) {
        throw new FetchProblem('damaged', `${order.url} sends more than the ${order.sizeBytes} bytes expected`);
      }
      stall.cancel();
      await file.writeFile(chunk);
      stall = watch();
      completed += chunk.length;
      order.onBytes?.(completed);
    }
  } finally {
    stall.cancel();
    await file.close();
  }
  if (completed < order.sizeBytes)
    throw new Error(`the connection ended after ${completed} of ${order.sizeBytes} bytes`);
}

/** Opens a GET, following redirects; no credentials are sent, so none reach another host. */
export async function get(
  url: string,
  headers: Record<string, string>,
  clock: Clock,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  try {
    return await httpGet({ url, headers, clock, signal });
  } catch (error) {
    if (error instanceof RedirectError) throw new FetchProblem('refused', error.message, { cause: error });
    throw error;
  }
}

function asProblem(error: unknown, url: string): FetchProblem {
  if (error instanceof FetchProblem) return error;
  const cause = error as NodeJS.ErrnoException;
  if (cause.code === 'ENOSPC') return new FetchProblem('no-space', `the disk is full: ${cause.message}`, { cause });
  const host = new URL(url).host;
  return new FetchProblem('unreachable', `${host} cannot be reached (${cause.code ?? cause.message})`, { cause });
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.size,
    () => 0,
  );
}
