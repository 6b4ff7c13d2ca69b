// The process of the door for people, started by the coordinator and ended with it. In: settings, answers and messages over the channel to the
// coordinator, and connections of people's programs. Out: questions. It is a process of its own so that no client of MQTT 5, and no fault of
// Aedes 2, costs a node its connection. It loads nothing of the protocol, which would cost 35 MB of memory.
import { backoffMs } from '@blackroad/std/backoff';
import { systemClock as clock, withDeadline } from '@blackroad/std/clock';
import { systemRandom as random } from '@blackroad/std/random';
import { sentLog } from '@blackroad/std/sent-log';
import { createRefusals } from '../../door/counted-refusals.ts';
import { PeopleFront } from './front.ts';
import type { Ask, FromDoor, PeopleDoorSettings, ToDoor } from './wire.ts';

const figuresEveryMs = 1000;
const answerWithinMs = 10_000;
/** On their way to the coordinator at once, of all connections. */
const maxQuestions = 1_000;
/** A port that another program has may be free later. */
const listenAgain = { firstMs: 1000, maxMs: 60_000 };
const stopWithinMs = 3000;

const tell = (message: FromDoor) => {
  if (process.connected) process.send?.(message, undefined, {}, () => {}); // a coordinator that is gone ends this process
};
const log = sentLog(tell);

interface Waiting {
  resolve(answer: never): void;
  reject(error: Error): void;
}
const waiting = new Map<number, Waiting>();
let questions = 0;

/** Questions that wait for a turn: what more is sent by their connections is not read meanwhile. */
const turns: (() => void)[] = [];

const ask: Ask = async (connection, asked) => {
  if (waiting.size >= maxQuestions) await new Promise<void>((resolve) => turns.push(resolve));
  const id = ++questions;
  const answer = new Promise<never>((resolve, reject) => waiting.set(id, { resolve, reject }));
  tell({ id, connection, ...asked });
  const late = () => new Error('the coordinator does not answer');
  return withDeadline(clock, answerWithinMs, answer, late).finally(() => {
    waiting.delete(id);
    turns.shift()?.();
  });
};

let front: PeopleFront | null = null;

async function start(settings: PeopleDoorSettings): Promise<void> {
  const refusals = createRefusals(log, clock);
  for (let failures = 0; ; failures++) {
    front = new PeopleFront({ settings, ask, tell, refusals, clock, log });
    try {
      tell({ ready: { port: await front.listen() } });
      break;
    } catch (error) {
      tell({ failed: (error as Error).message });
      await front.stop();
      await new Promise<void>((resolve) => clock.after(backoffMs(listenAgain, failures, random), resolve));
    }
  }
  let told = '';
  clock.every(figuresEveryMs, () => {
    const figures = (front as PeopleFront).figures();
    const { rssBytes, ...counted } = figures;
    const news = JSON.stringify([counted, Math.round(rssBytes / 1e6)]);
    if (news !== told) tell({ figures });
    told = news;
  });
}

function heard(message: ToDoor): void {
  if ('settings' in message) start(message.settings).catch(die);
  else if ('messages' in message) front?.forward(message.messages);
  else if ('answer' in message) waiting.get(message.id)?.resolve(message.answer as never);
  else if ('failed' in message) waiting.get(message.id)?.reject(new Error(message.failed));
  else if ('cut' in message) front?.cut(message.cut, message.code, message.text);
  else if ('lost' in message) front?.lost(message.lost);
}

async function stop(): Promise<void> {
  clock.after(stopWithinMs, () => process.exit(0));
  await front?.stop().catch(() => {}); // it ends all the same
  process.exit(0);
}

function die(error: unknown): void {
  log.error({ err: String((error as Error).stack ?? error) }, 'the door for people cannot go on, and is started again');
  process.exit(70);
}

process.on('message', heard);
process.on('disconnect', () => void stop());
process.on('SIGTERM', () => void stop());
// Ctrl-C goes to the whole group; the coordinator then ends this process.
process.on('SIGINT', () => {});
process.on('uncaughtException', die);
process.on('unhandledRejection', die);
