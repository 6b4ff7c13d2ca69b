// A file as the answer to a request, all of it or the part that the request asks for. In: what it is, how it is read. Out: an answer with its length,
// which ends when the client goes away or takes nothing for too long.
import type { Readable } from 'node:stream';
import { type ByteRange, rangeOf } from '@blackroad/std/byte-range';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Answered, answered } from '../http/handler.ts';

interface SentFile {
  type: string;
  bytes: number;
  /** The name under which a browser saves it; missing: it is for programs. */
  name?: string;
}

/** A client that takes nothing for so long is gone. */
const stuckMs = 60_000;

/** All of a file that is sent once: a part of it cannot be asked for. */
export function sendStream(reply: FastifyReply, { type, bytes, name }: SentFile, stream: Readable): Answered {
  reply.raw.setTimeout(stuckMs, () => reply.raw.destroy());
  if (name !== undefined) reply.header('content-disposition', `attachment; filename="${name}"`);
  reply.type(type).header('content-length', bytes).send(stream);
  return answered;
}

/** `read`: null is all of it. */
export async function sendFile(
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  file: SentFile & { sha256: string },
  read: (range: ByteRange | null) => Readable | Promise<Readable>,
): Promise<Answered> {
  const { sha256, bytes } = file;
  const etag = `"${sha256}"`;
  const { range: asked, 'if-range': known = etag } = request.headers;
  const range = known === etag ? rangeOf(asked, bytes) : null;
  if (range === 'none') {
    reply.headers({ 'accept-ranges': 'bytes', etag });
    reply.code(416).header('content-range', `bytes */${bytes}`).send();
    return answered;
  }
  const { from, to } = range ?? { from: 0, to: bytes - 1 };
  // A fault of it has none of the headers of a file.
  const stream = await read(range);
  reply.headers({ 'accept-ranges': 'bytes', etag });
  if (range) reply.code(206).header('content-range', `bytes ${from}-${to}/${bytes}`);
  return sendStream(reply, { ...file, bytes: to - from + 1 }, stream);
}
