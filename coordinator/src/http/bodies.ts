// Request bodies as they arrive: the number of bytes of unfinished bodies, and the time that each may take. In: requests whose head was
// accepted. Out: the same, with room reserved for their body until it is complete, or a refusal before any of it is kept. The largest size
// for each route is in the route table. Strangers have a small room of their own, so that they cannot use that of keys.
import { bodyBytesOf, FleetError } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { customerOf } from '../door/address.ts';

export interface Room {
  /** Returns a function that frees the bytes, or null without room. */
  take(who: string, bytes: number): (() => void) | null;
}

export function createRoom({ total, each }: { total: number; each: number }): Room {
  const taken = new Map<string, number>();
  let all = 0;
  return {
    take(who, bytes) {
      const own = taken.get(who) ?? 0;
      if (all + bytes > total || own + bytes > each) return null;
      all += bytes;
      taken.set(who, own + bytes);
      let given = false;
      return () => {
        if (given) return;
        given = true;
        all -= bytes;
        const left = (taken.get(who) ?? 0) - bytes;
        if (left > 0) taken.set(who, left);
        else taken.delete(who);
      };
    },
  };
}

/** The size that the body may have, in bytes; 0: there is none. */
function expected(request: FastifyRequest, limit: number): number {
  const { 'content-length': declared, 'transfer-encoding': pieces } = request.headers;
  if (declared !== undefined) return Math.min(Number(declared) || 0, limit);
  return pieces === undefined ? 0 : limit;
}

/** What is in memory of a form while it is written to the disk. */
const formRoomBytes = 1024 * 1024;

interface BodyRooms {
  clock: Clock;
  limits: {
    /** From the head of a request to its complete body. */
    bodyMs: number;
    /** The same for one that is written to the disk. */
    formMs: number;
  };
  bodies: { keys: Room; strangers: Room };
}
export function guardBodies({ clock, limits, bodies }: BodyRooms) {
  return (request: FastifyRequest, reply: FastifyReply): void => {
    const { caller, ip, raw } = request;
    const { row } = request.routeOptions.config;
    const whole = row ? expected(request, bodyBytesOf(row)) : 0;
    const bytes = row?.form ? Math.min(whole, formRoomBytes) : whole;
    if (bytes === 0 || raw.complete) return;
    const giveBack = caller
      ? bodies.keys.take(caller.id ?? caller.name, bytes)
      : bodies.strangers.take(customerOf(ip), bytes);
    if (!giveBack) {
      reply.header('connection', 'close');
      const detail = 'Too many request bodies are on their way and not whole; try again.';
      throw new FleetError('unavailable', { detail, retryAfterSeconds: 2 });
    }
    const bodyMs = row?.form ? limits.formMs : limits.bodyMs;
    const timer = clock.after(bodyMs, () => {
      giveBack();
      const detail = `body: expected all of it within ${bodyMs / 1000} s`;
      // Fastify's reader of the body answers with this error; to destroy the request would end the connection of the answer. A refused body has
      // no reader any more, and an error without a listener would end the process.
      if (raw.listenerCount('error') > 0) raw.emit('error', new FleetError('request-late', { detail }));
      else raw.destroy();
    });
    const isWhole = () => {
      timer.cancel();
      giveBack();
    };
    raw.once('end', isWhole);
    raw.once('close', isWhole);
  };
}
