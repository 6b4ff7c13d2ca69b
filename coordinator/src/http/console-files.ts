// Serves the built console: hashed files for ever, the page anew each time, and the page for every address below it that a browser opens,
// since the console finds its pages by address. Any other path is answered with the API's `no-such-route`.
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

type Answer = (request: FastifyRequest, reply: FastifyReply) => unknown;

/** Whether a browser opens an address, in contrast to a program with a wrong path. */
function opensPage({ method, url, headers }: FastifyRequest): boolean {
  const path = url.split('?')[0] as string;
  return (
    method === 'GET' &&
    !path.startsWith('/v1/') &&
    !path.startsWith('/assets/') &&
    !/\.\w+$/.test(path) &&
    (headers.accept ?? '').includes('text/html')
  );
}

export async function serveConsole(app: FastifyInstance, folder: string): Promise<void> {
  await app.register(fastifyStatic, {
    root: folder,
    index: ['index.html'],
    preCompressed: true,
    cacheControl: false,
    setHeaders(reply, path) {
      const lasting = /[/\\]assets[/\\]/.test(path);
      reply.header('cache-control', lasting ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}

/** The answer to unknown addresses: the console's page for a browser, else `unknown`. */
export function pageOr(unknown: Answer): Answer {
  return (request, reply) => (opensPage(request) ? reply.sendFile('index.html') : unknown(request, reply));
}
