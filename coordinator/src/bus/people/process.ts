// The process of the door for people, started by the coordinator and ended with it. In: settings, answers and messages over the channel to the
// coordinator, and connections of people's programs. Out: questions. It is a process of its own so that no client of MQTT 5, and no fault of
// Aedes 2, costs a node its connection. It loads nothing of the protocol, which would cost 35 MB of memory.
import { systemClock as clock, withDeadline } from '@blackroad/std/clock';
import { listenPatiently, liveByChannel } from '@blackroad/std/kept-by-channel';
import { systemRandom as random } from '@blackroad/std/random';
import { sentLog } from '@blackroad/std/sent-log';
import { createRefusals } from '../../door/counted-refusals.ts';
import { PeopleFront } from './front.ts';
import type { Ask, FromDoor, PeopleDoorSettings, ToDoor } from './wire.ts';

const figuresEveryMs = 1000;
const answerWithinMs = 10_000;
/** On their way to the coordinator at once, of all connections. */
const maxQuestions = 1_000;

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
const die = liveByChannel({ name: 'the door for people', stop: () => front?.stop(), clock, log });

async function start(settings: PeopleDoorSettings): Promise<void> {
  const refusals = createRefusals(log, clock);
  const open = () => {
    front = new PeopleFront({ settings, ask, tell, refusals, clock, log });
    return front.listen();
  };
  const failed = (reason: string) => {
    tell({ failed: reason });
    return front?.stop();
  };
  tell({ ready: { port: await listenPatiently(open, failed, { clock, random }) } });
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

process.on('message', heard);
