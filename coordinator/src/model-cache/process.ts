// The process of the model cache, started by the coordinator and ended with it. In: settings and calls over the channel to the coordinator,
// and requests of readers. Out: figures, and answers. It is a process of its own so that gigabytes that are encrypted, hashed and written
// never delay a heartbeat. [decision 21] It loads nothing of the protocol, which would cost 35 MB of memory.
import { systemClock as clock } from '@blackroad/std/clock';
import { listenPatiently, liveByChannel } from '@blackroad/std/kept-by-channel';
import { systemRandom as random } from '@blackroad/std/random';
import { sentLog } from '@blackroad/std/sent-log';
import { createRefusals } from '../door/counted-refusals.ts';
import { createAnswers } from './answer.ts';
import { ModelCache } from './cache.ts';
import { asProblem } from './cache-problem.ts';
import { Counts } from './counts.ts';
import { CacheDisk } from './disk.ts';
import { Holdings } from './holdings.ts';
import { listedNames } from './listed.ts';
import { openListeners } from './listeners.ts';
import { Rate } from './rate.ts';
import type { CacheCall, CacheFigures, CacheSettings, FromCache, Judged, ShownPeer, ToCache } from './wire.ts';

const figuresEveryMs = 1000;
const countsEveryMs = 60_000;
const judgeWithinMs = 5000;

const tell = (message: FromCache) => {
  if (process.connected) process.send?.(message);
};
const log = sentLog(tell);

/** Questions to the coordinator about certificates. */
const judging = new Map<number, (verdict: Judged) => void>();
let questions = 0;

function judge(peer: ShownPeer): Promise<Judged> {
  const id = ++questions;
  return new Promise((resolve) => {
    const settle = (verdict: Judged) => {
      late.cancel();
      judging.delete(id);
      resolve(verdict);
    };
    const late = clock.after(judgeWithinMs, () => settle({ refused: 'the coordinator does not answer' }));
    judging.set(id, settle);
    tell({ judge: id, peer });
  });
}

async function start(settings: CacheSettings) {
  const disk = new CacheDisk(settings.dir);
  const holdings = new Holdings(await disk.open());
  const counts = new Counts(disk);
  await counts.open();
  let isNews = true;
  const onChange = () => {
    isNews = true;
  };
  const { maxBytes, registryUrl, hubUrl, ollamaUrl } = settings;
  const rate = new Rate(settings.bytesPerS, clock);
  const problems: CacheFigures['problems'] = {};
  const cache = new ModelCache({
    disk,
    holdings,
    counts,
    rate,
    clock,
    random,
    log,
    maxBytes,
    registryUrl,
    hubUrl,
    ollamaUrl,
    onChange,
  });
  const answers = createAnswers({
    cache,
    disk,
    counts,
    clock,
    onProblem({ kind }) {
      problems[kind] = (problems[kind] ?? 0) + 1;
      onChange();
    },
  });
  const tellFigures = async () => {
    const { maxBytes, freeBytes: diskFreeBytes } = await cache.room.limits();
    const sums = { ...counts.sums, heldBytes: holdings.heldBytes, names: holdings.entries.size };
    tell({
      figures: { ...sums, maxBytes, diskFreeBytes, fetching: cache.fetching, readers: answers.readers, problems },
    });
  };
  clock.every(figuresEveryMs, () => {
    if (!isNews) return;
    isNews = answers.readers > 0;
    tellFigures().catch((error) => log.warn({ err: String(error) }, 'the figures of the model cache cannot be read'));
  });
  clock.every(countsEveryMs, () => void counts.write().catch(() => {})); // the next write has the same sums
  const refusals = createRefusals(log, clock);
  const listeners = await listenPatiently(
    () => openListeners({ settings, judge, answer: answers.answer, refusals, clock, log }),
    (failed) => tell({ failed }),
    { clock, random },
  );
  tell({ ready: { port: listeners.port, openPort: listeners.openPort } });
  const call = async (asked: CacheCall): Promise<unknown> => {
    if (asked.call === 'list') return listedNames(holdings);
    return asked.call === 'remove' ? cache.remove(asked.name) : cache.prune();
  };
  const close = async () => {
    listeners.close();
    await cache.close();
    await counts.write().catch(() => {}); // a full disk: the sums of the last minute are lost
  };
  return { call, close };
}

let started: ReturnType<typeof start> | null = null;

async function answer(id: number, asked: CacheCall): Promise<void> {
  try {
    if (started === null) throw new Error('it was never started');
    tell({ id, value: await (await started).call(asked) });
  } catch (error) {
    const { kind, message, retryAfterS } = asProblem(error, 'the model cache');
    tell({ id, problem: { kind, text: message, retryAfterS } });
  }
}

const stop = () => started?.then(({ close }) => close());
const die = liveByChannel({ name: 'the model cache', stop, clock, log });

process.on('message', (message: ToCache) => {
  if ('settings' in message) {
    started = start(message.settings);
    started.catch(die);
  } else if ('judged' in message) judging.get(message.judged)?.(message.verdict);
  else void answer(message.id, message);
});
