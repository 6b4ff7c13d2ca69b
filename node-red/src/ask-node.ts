// The node `fleet ask agent`. In: a message whose payload is a question. Out: the answer on the first output, its pieces on the second where
// they are wanted, and a message that could not be answered on the third. A flow that stops cancels what it asked.
import { systemClock } from '@blackroad/std/clock';
import type { Answer, Piece } from './door.ts';
import { tellFailed } from './failed.ts';
import { fleetOf, type OpenFleet } from './fleet-node.ts';
import type { Done, Message, Red, RedNode, Send, Status } from './red.ts';
import { statusOfStand, statusOfTrouble, well, working } from './status.ts';
import { Trouble, troubleOf } from './trouble.ts';
import { maxAtOnce, maxWaiting, Turns } from './turns.ts';

interface AskConfig {
  fleet?: string;
  agent?: string;
  /** Seconds. */
  timeout?: string | number;
  pieces?: boolean;
}
interface Input {
  message: Message;
  send: Send;
  done: Done;
}

const standardSeconds = 120;
const maxSeconds = 86_400;
/** As the fleet has it: about 8,000 tokens. */
const maxPromptBytes = 32 * 1024;
const name = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const outputs = 3;

export function registerAskNode(red: Red): void {
  red.nodes.registerType<AskConfig>('fleet ask agent', function (config) {
    red.nodes.createNode(this, config);
    const fleet = fleetOf(red, config.fleet);
    if (!('trouble' in fleet)) return start(red, this, config, fleet);
    const { trouble } = fleet;
    this.status(statusOfTrouble(trouble));
    this.on('input', (message, send, done) => tellFailed({ red, message, trouble, outputs, send, done }));
  });
}

function start(red: Red, node: RedNode, config: AskConfig, { door, link }: OpenFleet): void {
  const stop = new AbortController();
  const showWork = () => {
    const behind = turns.waiting === 0 ? '' : `, ${turns.waiting} waiting`;
    node.status(working(`asking (${turns.running}${behind})`));
  };
  /** What its status is shows when no other is being answered. */
  const over = (status: Status) => {
    turns.over();
    if (turns.running > 0) showWork();
    else node.status(status);
  };
  const turns = new Turns<Input>(async ({ message, send, done }) => {
    const startMs = systemClock.monotonicMs();
    let agent: string | undefined;
    try {
      const question = questionOf(config, message);
      agent = question.agent;
      const pieces = config.pieces ? piecesTo(red, node, message, send) : () => {};
      const answer = await door.ask(question, pieces, stop.signal);
      const seconds = Math.round(systemClock.monotonicMs() - startMs) / 1000;
      link.met(null);
      over(well(`answered in ${seconds.toFixed(1)} s`));
      send([answered(message, question.agent, answer, seconds), null, null]);
      done();
    } catch (error) {
      const trouble = troubleOf(error);
      link.met(trouble);
      over(statusOfTrouble(trouble, trouble.kind === 'unknown-agent' ? agent : undefined));
      tellFailed({ red, message, trouble, outputs, send, done });
    }
  });
  const unfollow = link.follow((stand) => {
    if (turns.running === 0) node.status(statusOfStand(stand));
  });

  node.on('input', (message, send, done) => {
    const input = { message, send, done };
    if (turns.take(input)) {
      if (turns.running > 0) showWork();
      return;
    }
    const text = `${maxAtOnce} questions are being answered and ${maxWaiting} wait: this one is not asked`;
    const trouble = new Trouble('full', text);
    node.status(statusOfTrouble(trouble));
    tellFailed({ red, ...input, trouble, outputs });
  });
  node.on('close', (_isRemoved, done) => {
    unfollow();
    stop.abort();
    const trouble = new Trouble('stopped', 'the flow was stopped before this was asked');
    for (const input of turns.stop()) tellFailed({ red, ...input, trouble, outputs });
    turns.settled().then(() => done());
  });
}

/** @throws Trouble bad-message, bad-settings */
function questionOf(config: AskConfig, { payload, agent, timeout }: Message) {
  const bad = (text: string) => new Trouble('bad-message', text);
  const named = agent === undefined || agent === '' ? (config.agent ?? '').trim() : agent;
  if (named === '') throw bad('msg.agent: expected the name of an agent, as this node names none; got nothing');
  if (typeof named !== 'string' || !name.test(named))
    throw bad(`msg.agent: expected lower-case letters, digits and dashes, got ${inWords(named)}`);
  const prompt = typeof payload === 'number' || typeof payload === 'boolean' ? String(payload) : payload;
  if (Buffer.isBuffer(prompt)) return questionOf(config, { payload: prompt.toString('utf8'), agent, timeout });
  if (typeof prompt !== 'string' || prompt.trim() === '')
    throw bad(`msg.payload: expected a question as text, got ${inWords(payload)}`);
  if (Buffer.byteLength(prompt) > maxPromptBytes)
    throw bad(`msg.payload: expected at most 32 KiB of text, got ${Buffer.byteLength(prompt)} bytes`);
  const given = timeout ?? config.timeout ?? '';
  const seconds = given === '' ? standardSeconds : Number(given);
  if (!(seconds > 0 && seconds <= maxSeconds))
    throw bad(`timeout: expected seconds, more than 0 and at most ${maxSeconds}, got ${inWords(given)}`);
  return { agent: named, prompt, seconds };
}
function inWords(value: unknown): string {
  if (value === undefined || value === null || value === '') return 'nothing';
  const text = typeof value === 'string' ? JSON.stringify(value) : `${Array.isArray(value) ? 'a list' : typeof value}`;
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

/** The message itself goes on, with all else that it has. */
function answered(message: Message, agent: string, answer: Answer, seconds: number): Message {
  const { text, task, node, isTruncated, usage } = answer;
  message.payload = text;
  message.fleet = { agent, task, node, seconds, truncated: isTruncated, ...(usage ? { usage } : {}) };
  return message;
}

function piecesTo(red: Red, node: RedNode, message: Message, send: Send): (piece: Piece) => void {
  let text = '';
  let attempt = 0;
  let index = 0;
  return (piece) => {
    // Another attempt writes its answer from the beginning.
    if (piece.attempt !== attempt) text = '';
    attempt = piece.attempt;
    text = text.slice(0, piece.from) + piece.text;
    // Its own pieces are copies: the message goes on with the answer.
    const copy = red.util.cloneMessage(message);
    copy.payload = piece.text;
    const { task, from, isTakenBack, tool } = piece;
    copy.fleet = { task, attempt, index: index++, from, takenBack: isTakenBack, ...(tool ? { tool } : {}), text };
    try {
      send([null, copy, null]);
    } catch (error) {
      node.error(`a piece of an answer was not sent: ${(error as Error).message}`);
    }
  };
}
