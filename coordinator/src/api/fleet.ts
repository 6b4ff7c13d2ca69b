// The fleet as a whole: totals, events, audit, metrics, the description of the API, frozen moves, what-if.
import { auditTitle, FleetError } from '@blackroad/protocol';
import { inSlices } from '@blackroad/std/slices';
import { accepted, answered, type Handlers, refuseFaults } from '../http/handler.ts';
import { showEvent } from '../live/show.ts';
import { supposing, whatIfFaults } from '../placement/why/what-if.ts';
import { agentIdEver } from '../state/view.ts';

/** The number of what-if requests at the same time: each has a copy of the whole fleet in memory. */
const maxWhatIfs = 4;
let whatIfs = 0;

/** The description never changes within a process, so it is made once. */
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
    // The module is loaded at the first request: most coordinators never get one.
    document ??= import('@blackroad/protocol/openapi').then(({ openApi }) =>
      JSON.stringify(openApi(context.settings.version)),
    );
    reply.type('application/json; charset=utf-8').send(await document);
    return answered;
  },
  fleet: ({ context }) => context.totals(),
  consoleFeed() {
    throw new FleetError('invalid-request', { detail: 'headers: upgrade: expected websocket, got nothing' });
  },
  nodeChannel() {
    throw new FleetError('internal');
  },
  async events({ context: { coordinator }, query: { agent: name, ...query }, by }) {
    const { view, store } = coordinator;
    const agent = name === undefined ? undefined : agentIdEver(view, by.space, name);
    if (name !== undefined && agent === undefined) return [];
    const events = await store.events({ ...query, ...(agent === undefined ? {} : { agent }) });
    return events.map((event) => showEvent(view, event));
  },
  async audit({ context, query }) {
    const rows = await context.coordinator.store.audit(query);
    return rows.map((row) => ({ ...row, title: auditTitle(row) }));
  },
  async whatIf({ context: { coordinator, clock }, body }) {
    refuseFaults(whatIfFaults(coordinator.view, body, clock.nowMs(), coordinator.policy.timeZone));
    if (whatIfs >= maxWhatIfs) {
      const detail = `${maxWhatIfs} what-ifs are being computed; try again.`;
      throw new FleetError('unavailable', { detail, retryAfterSeconds: 1 });
    }
    whatIfs++;
    try {
      return await inSlices(supposing(coordinator.view, body, clock.nowMs(), coordinator.policy), clock);
    } finally {
      whatIfs--;
    }
  },
  async movesRelease({ context, by, body }) {
    accepted(await context.coordinator.submit('moves-release', { by, ...body }));
  },
} satisfies Partial<Handlers>;
