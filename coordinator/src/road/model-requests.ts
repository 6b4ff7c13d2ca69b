// Requests of the gateway that are under way on nodes: each goes to the model server itself where that may be asked, else over the node's
// channel, else over MQTT. In: a request with its node, parts of answers, nodes whose presence changed. Out: pieces of the request for the
// bus, events for the asker, and exactly one end, whatever becomes of the node. Nothing of it is stored, so
// it needs no decision: which node gets a request is decided before (placement/route), by what is committed.
import {
  type Checker,
  cutToBytes,
  encode,
  FleetError,
  type ModelAnswer,
  type ModelAnswerEnd,
  type ModelAnswerEvent,
  type ModelRequest,
  maxModelRequestBytes,
  maxModelRequests,
  maxPieceChars,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type Random, sortableId } from '@blackroad/std/random';
import type { BusMessage } from '../bus/bus.ts';
import { DirectRequest } from '../direct/direct-request.ts';
import { type DirectServer, DirectServers } from '../direct/direct-servers.ts';
import type { Outcome } from '../state/decision.ts';
import type { Answer, InputKind, Inputs } from '../state/input.ts';
import type { View } from '../state/view.ts';
import { type RequestChannel, RequestChannels } from './request-channels.ts';

export interface AnswerListener {
  events(events: readonly ModelAnswerEvent[]): void;
  /** Called once, last. */
  end(end: ModelAnswerEnd): void;
}
interface UnderWay extends AnswerListener {
  node: string;
  /** Where it was sent, and its answer comes from. Null: MQTT. */
  channel: RequestChannel | null;
  seq: number;
  deadline: Timer;
}
interface ModelRequestsParts {
  view: View;
  clock: Clock;
  random: Random;
  log: Log;
  check: Checker;
  publish(messages: BusMessage[]): void;
  submit<K extends InputKind>(kind: K, input: Inputs[K]): Promise<Outcome<Answer<K>>>;
}

/** A node ends a request at its deadline by itself; after this long its end counts as lost. */
const graceMs = 5_000;

export class ModelRequests {
  readonly channels: RequestChannels;
  readonly direct: DirectServers;
  /** How many were sent each way. */
  readonly sent = { direct: 0, channel: 0, mqtt: 0 };
  readonly #parts: ModelRequestsParts;
  readonly #underWay = new Map<string, UnderWay>();
  readonly #byNode = new Map<string, Set<string>>();
  #directly = 0;

  constructor(parts: ModelRequestsParts) {
    this.#parts = parts;
    this.direct = new DirectServers(parts);
    this.channels = new RequestChannels({
      ...parts,
      // A refusal that cannot be noted: the coordinator stops.
      answered: (node, answer) => void this.answered(node, answer).catch(() => {}),
      servers: (node, address, servers) => this.direct.told(node, address, servers),
      lost: (channel) => this.#lost(channel),
    });
  }

  get size(): number {
    return this.#underWay.size + this.#directly;
  }

  /** Sends a request to a node. Returns the function that stops it; it does nothing after the end, and no end follows it. */
  open(node: string, request: ModelRequest, listener: AnswerListener): () => void {
    if (this.size >= maxModelRequests) {
      const detail = `${maxModelRequests} requests to models are under way; try again.`;
      throw new FleetError('unavailable', { detail, retryAfterSeconds: 1 });
    }
    const model = this.#parts.view.live.get(node)?.capacity?.models.find(({ name }) => name === request.model);
    const server = this.direct.for(node, request, model);
    if (server) return this.#ask(server, node, request, model?.parametersB ?? 0, listener);
    return this.#openByNode(node, request, listener);
  }

  /** Asks the model server itself; its node-agent where that fails before an answer has begun, for which the server may not be to blame. */
  #ask(
    server: DirectServer,
    node: string,
    request: ModelRequest,
    parametersB: number,
    listener: AnswerListener,
  ): () => void {
    const { clock } = this.#parts;
    this.sent.direct++;
    this.#directly++;
    let direct: DirectRequest | null = null;
    let stop = () => direct?.stop();
    let isOver = false;
    const over = () => {
      if (isOver) return false;
      isOver = true;
      this.#directly--;
      deadline.cancel();
      return true;
    };
    const deadline = clock.after(request.leftMs, () => {
      stop();
      if (over()) listener.end({ problem: { code: 'deadline-passed', text: 'the deadline passed' } });
    });
    const beganMs = clock.monotonicMs();
    direct = new DirectRequest({
      server,
      request,
      parametersB,
      clock,
      events: (events) => listener.events(events),
      end: (end) => {
        server.worked(beganMs);
        if (over()) listener.end(end);
      },
      failed: (error, hasBegun) => {
        if (!over()) return;
        const { code, message, retryAfterS } = error;
        const isOfThisWay = !hasBegun && (code === 'unavailable' || code === 'wrong-key');
        if (isOfThisWay) server.failed(message, beganMs);
        else server.worked(beganMs);
        const leftMs = request.leftMs - (clock.monotonicMs() - beganMs);
        if (!isOfThisWay || leftMs <= 0)
          return listener.end({
            problem: { code, text: cutToBytes(message, 1000), ...(retryAfterS === undefined ? {} : { retryAfterS }) },
          });
        try {
          stop = this.#openByNode(node, { ...request, leftMs }, listener);
        } catch (again) {
          listener.end({ problem: { code: 'unavailable', text: cutToBytes((again as Error).message, 1000) } });
        }
      },
    });
    return () => {
      over();
      stop();
    };
  }

  #openByNode(node: string, request: ModelRequest, listener: AnswerListener): () => void {
    const { clock, random } = this.#parts;
    const text = JSON.stringify(request);
    if (text.length > maxModelRequestBytes)
      throw new FleetError('too-large', { detail: `the request has more than ${maxModelRequestBytes} characters` });
    const id = sortableId(clock.nowMs(), random);
    const late = () =>
      this.#end(id, { problem: { code: 'unavailable', text: `${node} gave no end of its answer` } }, true);
    const deadline = clock.after(request.leftMs + graceMs, late);
    const channel = this.channels.for(node);
    this.sent[channel ? 'channel' : 'mqtt']++;
    this.#underWay.set(id, { node, channel, seq: 0, deadline, ...listener });
    const own = this.#byNode.get(node) ?? new Set();
    this.#byNode.set(node, own.add(id));
    const of = Math.max(1, Math.ceil(text.length / maxPieceChars));
    const pieces = Array.from({ length: of }, (_, at) =>
      encode(
        'modelRequest',
        { node },
        { request: id, at, of, text: text.slice(at * maxPieceChars, (at + 1) * maxPieceChars) },
      ),
    );
    this.#send(channel, pieces);
    return () => {
      const one = this.#forget(id);
      if (one) this.#stop(one, id);
    };
  }

  /** A part of an answer. One that another node was asked for is refused; one without an asker is late. */
  async answered(node: string, { request, seq, events, end }: ModelAnswer): Promise<void> {
    const one = this.#underWay.get(request);
    if (!one) return;
    if (one.node !== node) {
      await this.#parts.submit('reply-refused', { node, command: request, sentTo: one.node });
      return;
    }
    if (seq !== one.seq) {
      const text = `a part of the answer of ${node} was lost`;
      this.#end(request, { problem: { code: 'unavailable', text } }, end === undefined);
      return;
    }
    one.seq++;
    if (events.length > 0) one.events(events);
    // The listener may have stopped it.
    if (end && this.#underWay.has(request)) this.#end(request, end, false);
  }

  /** A node that is not online any more does not answer: its will or its silence told so. */
  presenceOf(node: string): void {
    if (this.#parts.view.nodes.get(node)?.presence === 'online') return;
    this.channels.close(node);
    const requests = this.#byNode.get(node);
    if (!requests) return;
    const end = { problem: { code: 'unavailable' as const, text: `the connection of ${node} broke` } };
    for (const id of [...requests]) this.#end(id, end, true);
  }

  #end(id: string, end: ModelAnswerEnd, tell: boolean): void {
    const one = this.#forget(id);
    if (!one) return;
    if (tell) this.#stop(one, id);
    one.end(end);
  }

  #forget(id: string): UnderWay | null {
    const one = this.#underWay.get(id);
    if (!one) return null;
    one.deadline.cancel();
    this.#underWay.delete(id);
    const own = this.#byNode.get(one.node);
    own?.delete(id);
    if (own?.size === 0) this.#byNode.delete(one.node);
    return one;
  }

  #stop({ node, channel }: UnderWay, request: string): void {
    this.#send(channel, [encode('modelRequestStop', { node }, { request })]);
  }

  #send(channel: RequestChannel | null, messages: BusMessage[]): void {
    if (channel) channel.send(messages);
    else this.#parts.publish(messages);
  }

  /** The node stops what it was asked over a channel when that breaks, and needs no word. */
  #lost(channel: RequestChannel): void {
    for (const [id, one] of this.#underWay)
      if (one.channel === channel)
        this.#end(id, { problem: { code: 'unavailable', text: `the connection of ${one.node} broke` } }, false);
  }
}
