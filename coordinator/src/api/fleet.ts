// The fleet as a whole: totals, events, audit, metrics, the API's own description, frozen moves.
import { FleetError } from '@blackroad/protocol';
import { accepted, answered, type Handlers } from './handler.ts';
import { openApiDocument } from './openapi.ts';

export const fleetHandlers = {
  health: ({ context }) => ({
    status: 'ok',
    version: context.settings.version,
    coordinator: context.coordinator.view.coordinator,
  }),
  async metrics({ context, reply }) {
    reply.type(context.metrics.contentType);
    reply.send(await context.metrics.text());
    return answered;
  },
  openapi({ context, reply }) {
    reply.send(openApiDocument(context.settings.version));
    return answered;
  },
  fleet: ({ context }) => context.totals(),
  feed() {
    throw new FleetError('invalid-request', { detail: 'headers: upgrade: expected websocket, got nothing' });
  },
  events: ({ context, query }) => context.coordinator.store.events(query),
  audit: ({ context, query }) => context.coordinator.store.audit(query),
  async movesRelease({ context, by }) {
    accepted(await context.coordinator.submit('moves-release', { by }));
  },
} satisfies Partial<Handlers>;
