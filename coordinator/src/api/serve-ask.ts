// One request of a dialect over HTTP: read, answered by the gateway, written whole or as a stream. The status waits for the first piece of an
// answer, so that a failure before it has a status of its own. A client that leaves, or reads nothing for too long, ends the work.
import { FleetError, mayDo, type Principal, permissionWords } from '@blackroad/protocol';
import type { FastifyReply } from 'fastify';
import { agentNamed } from '../gateway/agent-answer.ts';
import type { AnswerSink, Ask, Told } from '../gateway/ask.ts';
import type { Dialect, StreamWriter } from '../gateway/dialects/dialect.ts';
import { wholeAnswer } from '../gateway/whole.ts';
import type { ApiContext } from '../http/context.ts';
import { type Answered, answered } from '../http/handler.ts';
import { beginBody, heartbeatMs, stillWorking } from '../http/stream.ts';

interface AskCall<B> {
  context: ApiContext;
  body: B;
  by: Principal;
  reply: FastifyReply;
}
/** Unread bytes of a client; above them its answer is cut off, as nothing can be left out of it. */
const maxUnreadBytes = 1024 * 1024;

export function serveAs<B>(dialect: Dialect<B>): (call: AskCall<B>) => Promise<Answered> {
  return async (call) => {
    const ask = dialect.read(call.body);
    if (ask.models.length === 0)
      throw new FleetError('invalid-request', { detail: 'body: model: expected a name, got nothing' });
    refuseAgents(ask, call.by);
    const writer = ask.stream ? dialect.stream?.(call.body) : undefined;
    if (writer) await serveStream(call, ask, writer, dialect.streamType);
    else await serveWhole(call, ask, dialect);
    return answered;
  };
}

function refuseAgents({ models }: Ask, by: Principal): void {
  if (agentNamed(models[0] ?? '') === null || mayDo(by.roles, 'tasks:ask')) return;
  throw new FleetError('not-allowed', { detail: `To ask an agent needs ${permissionWords('tasks:ask')}.` });
}

export function collect({ context, by, reply }: Pick<AskCall<unknown>, 'context' | 'by' | 'reply'>, ask: Ask) {
  const { answer, stop } = wholeAnswer(context.gateway, ask, by);
  reply.raw.once('close', stop);
  return answer;
}

async function serveWhole<B>(call: AskCall<B>, ask: Ask, dialect: Dialect<B>): Promise<void> {
  const { told, answers } = await collect(call, ask);
  const { reply, body } = call;
  reply.headers(headersOf(told)).type('application/json; charset=utf-8');
  reply.send(JSON.stringify(dialect.whole(body, told, answers)));
}

function headersOf({ node, why, overheadMs }: Told): Record<string, string> {
  return {
    'x-fleet-node': node,
    // A header holds no other characters.
    'x-fleet-route': why.replace(/[^\x20-\x7e]/g, '?').slice(0, 400),
    'x-fleet-overhead-ms': overheadMs.toFixed(1),
  };
}

function serveStream(
  { context, by, reply }: AskCall<unknown>,
  ask: Ask,
  writer: StreamWriter,
  type: string,
): Promise<void> {
  const { clock, gateway, streams } = context;
  const out = reply.raw;
  return new Promise((resolve, reject) => {
    let pending = '';
    let stop = () => {};
    let begun = false;
    let isOver = false;
    let heartbeat = { cancel() {} };
    const over = () => {
      isOver = true;
      heartbeat.cancel();
      streams.delete(cut);
    };
    const cut = () => {
      over();
      stop();
      out.destroy();
    };
    const flush = () => {
      if (pending === '' || isOver) return;
      const text = pending;
      pending = '';
      out.write(text);
      if (out.writableLength > maxUnreadBytes) cut();
    };
    const write = (text: string) => {
      if (pending === '' && text !== '') queueMicrotask(flush);
      pending += text;
    };
    const finish = (text: string) => {
      if (isOver) return;
      pending += text;
      flush();
      over();
      out.end();
    };
    const sink: AnswerSink = {
      begin(told) {
        begun = true;
        beginBody(reply, 200, { ...headersOf(told), 'content-type': type });
        // Lines of JSON have no comments.
        if (type.startsWith('text/event-stream')) heartbeat = clock.every(heartbeatMs, () => out.write(stillWorking));
        write(writer.begin(told));
        resolve();
      },
      event: (answer, event) => write(writer.event(answer, event)),
      end: (answer, reason, usage) => write(writer.end(answer, reason, usage)),
      done: () => finish(writer.done()),
      fail(error) {
        if (begun) finish(writer.fail(error));
        else {
          over();
          reject(error);
        }
      },
    };
    streams.add(cut);
    out.once('close', () => {
      if (isOver) return;
      over();
      stop();
      // Nobody is there to be told.
      if (!begun) {
        reply.hijack();
        resolve();
      }
    });
    stop = gateway.answer(ask, by, sink);
  });
}
