// The bytes of an archive of the model cache of the coordinator, once from the first to the last, however often the connection breaks on the way. In:
// how it is asked. Out: pieces, or an error that says in words why there are no more. It keeps nothing on the disk.
import type { IncomingMessage } from 'node:http';
import { backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';

interface Fetched {
  open: (headers: Record<string, string>) => Promise<IncomingMessage>;
  clock: Clock;
  random: Random;
  /** From 0 to 100. */
  onPercent: (percent: number) => void;
}

const stallMs = 60_000;
const retry = { firstMs: 1000, maxMs: 30_000 };
/** Tries in a row that bring not one byte. */
const maxFruitless = 5;

/** Another try changes nothing of it for now. */
class Refusal extends Error {}

export async function* fetchedBytes({ open, clock, random, onPercent }: Fetched): AsyncGenerator<Uint8Array> {
  let have = 0;
  let total = Number.POSITIVE_INFINITY;
  let tag = '';
  for (let fruitless = 0; have < total; ) {
    const before = have;
    try {
      const response = await open(have === 0 ? {} : { range: `bytes=${have}-`, 'if-range': tag });
      const begins = beginOf(response);
      if (begins !== have) throw refusal(response, 'it begins anew in the middle');
      tag = response.headers.etag ?? '';
      total = have + Number(response.headers['content-length']);
      for await (const piece of watched(response, clock)) {
        have += piece.length;
        onPercent((have / total) * 100);
        yield piece;
      }
    } catch (error) {
      if (error instanceof Refusal) throw error;
      fruitless = have > before ? 0 : fruitless + 1;
      if (fruitless >= maxFruitless) throw error;
    }
    if (have < total) await sleep(clock, backoffMs(retry, fruitless, random));
  }
}

function refusal(response: IncomingMessage, otherwise: string): Refusal {
  const { 'x-fleet-problem': problem } = response.headers;
  response.destroy();
  return new Refusal(`the coordinator's model cache answers: ${problem ?? otherwise}`);
}

/** The position of the first byte. Throws Refusal where none comes. */
function beginOf(response: IncomingMessage): number {
  const { statusCode, headers } = response;
  const length = Number(headers['content-length'] ?? Number.NaN);
  if ((statusCode !== 200 && statusCode !== 206) || !Number.isSafeInteger(length))
    throw refusal(response, `${statusCode}`);
  return statusCode === 206 ? Number(/^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1] ?? -1) : 0;
}

async function* watched(response: IncomingMessage, clock: Clock): AsyncGenerator<Uint8Array> {
  const watch = () => clock.after(stallMs, () => response.destroy(new Error(`nothing came for ${stallMs / 1000} s`)));
  let stall = watch();
  try {
    for await (const piece of response as AsyncIterable<Uint8Array>) {
      stall.cancel();
      yield piece;
      stall = watch();
    }
  } finally {
    stall.cancel();
    response.destroy();
  }
}
