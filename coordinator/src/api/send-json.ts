// An answer in the form of another API: its schema is that API's, so the route table has none for it.
import type { FastifyReply } from 'fastify';
import { type Answered, answered } from '../http/handler.ts';

export function sendJson(reply: FastifyReply, body: object): Answered {
  reply.type('application/json; charset=utf-8').send(JSON.stringify(body));
  return answered;
}
