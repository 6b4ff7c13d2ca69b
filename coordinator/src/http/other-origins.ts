// Pages of other origins that may ask the models with a key (CORS), as far as a person allowed their origins. Only the gateway's routes
// answer them: a page of another origin never reads or changes the fleet itself, nor does a console's session count for it.

import { type RouteRow, routes } from '@blackroad/protocol';
import { OptionError } from '@blackroad/std/options';
import fastifyCors from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** The origins that may ask; `any`: all of them. */
export type Origins = readonly string[] | 'any';

/** The time for which a browser may keep the answer about a route, in seconds. */
const maxAgeS = 600;
/** What scripts may read beside the body; browsers hide all other headers. */
const exposed = [
  'x-fleet-node',
  'x-fleet-route',
  'x-fleet-overhead-ms',
  'retry-after',
  'x-ratelimit-limit-requests',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-reset-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset-tokens',
];
/** An extension of a browser has a scheme of its own. A port is part of an origin, a path is not. */
const origin = /^[a-z][a-z0-9+.-]*:\/\/[^\s/*,]+$/;

/** @throws OptionError */
export function originsOf(given: string): Origins {
  const origins = given.split(',').flatMap((part) => part.trim().toLowerCase() || []);
  if (origins.includes('*')) return 'any';
  for (const each of origins)
    if (!origin.test(each))
      throw new OptionError(
        `--origins: expected origins like https://chat.example:3000 with commas between them, or *, got ${JSON.stringify(each).slice(0, 80)}`,
      );
  return origins;
}

/** A route of the gateway. MCP reads and changes the fleet itself. */
export function asksModels(row: RouteRow | undefined): boolean {
  return row?.dialect !== undefined && row.dialect !== 'mcp';
}
const askablePaths = (Object.values(routes) as RouteRow[])
  .filter(asksModels)
  .map(({ path }) => new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`));

/** Whether the request's Origin is one that was allowed. */
export function isAllowed(origins: Origins, { headers }: FastifyRequest): boolean {
  return headers.origin !== undefined && (origins === 'any' || origins.includes(headers.origin.toLowerCase()));
}
/** Whether the request is one to the gateway: of a question about it, the path alone is known. */
function isAsking({ method, routeOptions, url }: FastifyRequest): boolean {
  if (method !== 'OPTIONS') return asksModels(routeOptions.config.row);
  const path = url.split('?', 1)[0] as string;
  return askablePaths.some((askable) => askable.test(path));
}

/** Comes before the guard: a browser asks without the key, and reads a refusal only with these headers. */
export async function answerOtherOrigins(app: FastifyInstance, origins: Origins): Promise<void> {
  if (origins.length === 0) return;
  await app.register(fastifyCors, {
    delegator(request, done) {
      const isOpen = isAsking(request) && isAllowed(origins, request);
      done(null, {
        origin: isOpen ? (origins === 'any' ? '*' : (request.headers.origin as string)) : false,
        methods: ['GET', 'POST'],
        exposedHeaders: exposed,
        maxAge: maxAgeS,
      });
    },
  });
}
