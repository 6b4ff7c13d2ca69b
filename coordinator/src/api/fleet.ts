// The fleet as a whole: totals, events, audit, metrics, the API's own description, frozen moves.
import { FleetError } from '@blackroad/protocol';
import { accepted, answered, type Handlers } from './handler.ts';

/** The table never changes in a process: written once. */
let document: Promise<string> | null = null;

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
  async openapi({ context, reply }) {
    // Loaded when first asked for: most coordinators never are.
    document ??= import('@blackroad/protocol/openapi').then(({ openApi }) =>
      JSON.stringify(openApi(context.settings.version)),
    );
    reply.type('application/json; charset=utf-8').send(await document);
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
