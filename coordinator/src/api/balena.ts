// Balena fleets: whether balena answers, which devices there are, and the import of devices as nodes-to-be. Each imported device gets a join
// token of its own, which makes one node and no other device's.
import { type BalenaImport, type BalenaImported, FleetError, listInWords, writeJoinToken } from '@blackroad/protocol';
import { withDeadline } from '@blackroad/std/clock';
import { sha256Hex } from '@blackroad/std/sha256';
import type { Balena } from '../balena/balena.ts';
import type { ApiContext } from '../http/context.ts';
import { accepted, type Call, type Handlers } from '../http/handler.ts';
import { joinUrl } from '../http/reach.ts';
import { showBalenaDevices, showBalenaFleets, standingOf } from '../rollouts/balena-devices.ts';
import type { BalenaDeviceRow, BalenaStand } from '../state/balena-stand.ts';

/** Clients wait for half a minute. The look itself goes on. */
const lookWithinMs = 25_000;
const notYet = () =>
  new FleetError('unavailable', { detail: 'Balena has not answered yet; try again.', retryAfterSeconds: 5 });

type ImportCall = Pick<Call<'balenaImport'>, 'context' | 'body' | 'by' | 'request' | 'listener'>;

function driverOf({ balena }: ApiContext): Balena {
  if (balena) return balena;
  const detail = 'This coordinator looks after no balena fleet: --balena-fleet names them (docs/balena.md).';
  throw new FleetError('conflict', { detail });
}
/** As balena says now. */
async function askedAnew(context: ApiContext, fleet: string): Promise<BalenaStand> {
  const driver = driverOf(context);
  const { fleets } = driver.settings;
  if (!fleets.includes(fleet))
    throw new FleetError('invalid-request', {
      detail: `fleet: expected ${listInWords([...fleets], 'or')}, which --balena-fleet names, got ${fleet}.`,
    });
  await withDeadline(context.clock, lookWithinMs, driver.look(), notYet);
  const { balena } = context.coordinator.view;
  if (balena) return balena;
  throw new FleetError('unavailable', { detail: 'What balena said could not be taken.', retryAfterSeconds: 5 });
}

export const balenaHandlers = {
  balena({ context }) {
    const { settings, trouble } = driverOf(context);
    const { view } = context.coordinator;
    return {
      api: settings.apiUrl,
      askedMs: view.balena?.askedMs ?? null,
      fault: trouble,
      fleets: showBalenaFleets(view, settings.fleets),
    };
  },
  async balenaDevices({ context, query: { fleet } }) {
    const balena = await askedAnew(context, fleet);
    return showBalenaDevices(context.coordinator.view, balena, fleet, context.clock.nowMs());
  },
  async balenaImport(call) {
    const { context, body } = call;
    const balena = await askedAnew(context, body.fleet);
    const { coordinator, clock } = context;
    const standing = standingOf(coordinator.view, balena, clock.nowMs());
    const imported: BalenaImported = [];
    for (const uuid of new Set(body.devices)) {
      const row = balena.devices.get(uuid);
      if (row?.fleet !== body.fleet)
        throw new FleetError('invalid-request', {
          detail: `devices: expected devices of ${body.fleet}, got ${uuid}.`,
        });
      imported.push({ device: uuid, ...(await imports(call, row, standing(row))) });
    }
    return imported;
  },
} satisfies Partial<Handlers>;

type Did = Omit<BalenaImported[number], 'device'>;
async function imports(
  call: ImportCall,
  row: BalenaDeviceRow,
  { state, node, why = '' }: ReturnType<ReturnType<typeof standingOf>>,
): Promise<Did> {
  const did = (what: Did['did'], text: string): Did => ({ node, did: what, text });
  if (state === 'unclear') return did('nothing', why);
  if (state === 'expected') return did('nothing', 'it has a good join token, and has not joined yet');
  if (state === 'node' && row.tag === node) return did('nothing', `it is the node ${node}`);
  try {
    if (state === 'node') await prepared(call, row, node);
    else await madeNodeToBe(call, row, node);
  } catch (error) {
    // What balena refuses of one device, or has no time for now, is no reason to say nothing of those before it.
    if (!(error instanceof FleetError)) throw error;
    return did('failed', error.details.detail ?? error.message);
  }
  return state === 'node'
    ? did('tagged', `it is the node ${node}, and its tag says so now`)
    : did('prepared', `it joins as ${node} when it has the variables`);
}

async function prepared(
  { context, body, by }: ImportCall,
  { id, uuid: device }: BalenaDeviceRow,
  node: string,
  token?: { id: string; variables: Record<string, string> },
): Promise<void> {
  await driverOf(context).prepare(id, token?.variables ?? {}, node);
  const params = { device, fleet: body.fleet, node, ...(token ? { token: token.id } : {}) };
  accepted(await context.coordinator.submit('audit', { by, action: 'balena-import', params }));
}
async function madeNodeToBe(call: ImportCall, row: BalenaDeviceRow, node: string): Promise<void> {
  const { context, body, by, request, listener } = call;
  const { coordinator, ca, random } = context;
  const url = joinUrl(context, body.address, request, listener);
  const id = random.hex(6);
  const secret = random.hex(16);
  const order = { by, request: tokenRequest(body), id, secretHash: sha256Hex(secret), balenaDevice: row.uuid };
  accepted(await coordinator.submit('token-create', order));
  const text = writeJoinToken({ id, secret, url, ca: ca.fingerprint });
  const variables = { BLACKROAD_NODE_NAME: node, BLACKROAD_JOIN_TOKEN: text };
  try {
    await prepared(call, row, node, { id, variables });
  } catch (error) {
    // Nobody knows whether the device has it: the next import makes another one.
    await coordinator.submit('token-revoke', { by, id });
    throw error;
  }
}
const tokenRequest = ({ site = 'home', labels = {}, expiresSeconds = 7 * 86_400 }: BalenaImport) => ({
  ...{ uses: 1, site, labels, expiresSeconds },
});
