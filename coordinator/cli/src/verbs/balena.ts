// Verbs for balena fleets: how they stand, and the import of their devices as nodes-to-be.
import {
  type BalenaDevice,
  type BalenaDevices,
  type BalenaImport,
  type BalenaImported,
  type BalenaView,
  counted,
  FleetError,
  maxBalenaImports,
} from '@blackroad/protocol';
import { argument, labelsFlag, secondsFlag, textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { ago, duration, table } from '../words.ts';

/** Few enough that each part is answered before a client gives up. */
const devicesAtOnce = Math.min(5, maxBalenaImports);
const shortUuid = (uuid: string) => uuid.slice(0, 7);

function standWords({ api, askedMs, fault, fleets }: BalenaView, call: VerbCall): string {
  const nowMs = call.clock.nowMs();
  const rows = fleets.map(({ fleet, devices, nodes, tracks, releases }) => [
    fleet,
    String(devices),
    String(nodes),
    tracks ?? '-',
    releases.join(' ') || '-',
  ]);
  const head = ['FLEET', 'DEVICES', 'NODES', 'FOLLOWS', 'NEWEST RELEASES'];
  const said = fault
    ? `${fault.text}, for ${duration(nowMs - fault.sinceMs)}; asked again in ${duration(fault.nextMs - nowMs)}`
    : `${api} answered ${ago(askedMs, nowMs)}`;
  return [table(head, rows, call.columns, call.paint, ['NEWEST RELEASES']), '', said].join('\n');
}

const states: Record<BalenaDevice['state'], (device: BalenaDevice) => string> = {
  node: ({ node }) => node,
  expected: ({ node }) => `${node} (expected)`,
  new: ({ node }) => `would be ${node}`,
  unclear: ({ why }) => why ?? 'unclear',
};
function deviceTable(devices: readonly BalenaDevice[], call: VerbCall): string {
  const rows = devices.map((each) => [
    each.name,
    shortUuid(each.device),
    each.isOnline ? 'online' : 'offline',
    each.release ?? '-',
    each.pinned ?? 'no',
    states[each.state](each),
  ]);
  const head = ['DEVICE', 'UUID', 'AT BALENA', 'RELEASE', 'PINNED', 'NODE'];
  return table(head, rows, call.columns, call.paint, ['AT BALENA', 'PINNED']);
}
function listWords(list: BalenaDevices, chosen: readonly BalenaDevice[], call: VerbCall): string {
  if (chosen.length === 0) return `${list.fleet} has no devices.`;
  const fresh = chosen.filter(({ state }) => state === 'new').length;
  const follow = chosen.filter(({ pinned }) => pinned === null).length;
  return [
    deviceTable(chosen, call),
    ...(follow > 0 && list.tracks !== null
      ? [
          '',
          `${counted(follow, 'device')} ${follow === 1 ? 'follows its fleet, and gets' : 'follow their fleet, and get'} what it is set to at once: set the fleet to a fixed release first (docs/balena.md).`,
        ]
      : []),
    '',
    fresh > 0
      ? `Nothing was changed. To make ${counted(fresh, 'node')}-to-be: ${call.as.fleet(`balena import ${list.fleet} --apply`)}`
      : 'Nothing is left to import.',
  ].join('\n');
}

/** By name, by UUID or its beginning. */
function chosenOf({ fleet, devices }: BalenaDevices, only: string | undefined): BalenaDevice[] {
  if (only === undefined) return devices;
  return only.split(',').flatMap((each) => {
    const wanted = each.trim();
    if (wanted === '') return [];
    const found = devices.filter(
      ({ name, device }) => name === wanted || (wanted.length >= 7 && device.startsWith(wanted)),
    );
    if (found.length === 1) return found;
    throw wrongUse(
      `--only: expected names or UUIDs of devices of ${fleet}, got ${JSON.stringify(wanted)}, which ${found.length === 0 ? 'none of them has' : `${found.length} of them have`}.`,
    );
  });
}

async function importDevices(call: VerbCall): Promise<void> {
  const fleet = argument(call, 0, '<org/fleet>');
  const client = call.client();
  const list = await client.call('balenaDevices', { query: { fleet } });
  const chosen = chosenOf(list, textFlag(call, 'only'));
  if (call.flags.apply !== true) {
    call.show({ ...list, devices: chosen }, () => listWords(list, chosen, call));
    return;
  }
  const [site, labels, expiresSeconds, address] = [
    textFlag(call, 'site'),
    labelsFlag(call, 'labels'),
    secondsFlag(call, 'expires'),
    textFlag(call, 'address'),
  ];
  const given: Omit<BalenaImport, 'devices'> = {
    fleet,
    ...(site === undefined ? {} : { site }),
    ...(labels === undefined ? {} : { labels }),
    ...(expiresSeconds === undefined ? {} : { expiresSeconds }),
    ...(address === undefined ? {} : { address }),
  };
  const all: BalenaImported = [];
  // What is done is said before the next part: a large fleet takes minutes.
  for (let at = 0; at < chosen.length; at += devicesAtOnce) {
    const devices = chosen.slice(at, at + devicesAtOnce).map(({ device }) => device);
    const done = await client.call('balenaImport', { body: { ...given, devices } });
    all.push(...done);
    if (!call.json) for (const { device, did, text } of done) call.write(`${shortUuid(device)}  ${did}: ${text}\n`);
    // One device that balena does not take holds no other up; where none of a part goes through, balena is away.
    if (done.every(({ did }) => did === 'failed')) break;
  }
  if (call.json) call.show(all, () => '');
  const failed = all.filter(({ did }) => did === 'failed');
  if (failed.length === 0) return;
  const detail = `${counted(failed.length, 'device')} of ${chosen.length} failed, first ${failed[0]?.text ?? ''} Run it again: what is done is not done twice.`;
  throw new FleetError('conflict', { detail });
}

export const balenaVerbs: Verb[] = [
  {
    words: 'balena',
    args: '',
    text: 'The balena fleets that the coordinator looks after, and whether balena answers.',
    async run(call) {
      const view = await call.client().call('balena');
      call.show(view, () => standWords(view, call));
    },
  },
  {
    words: 'balena import',
    args: '<org/fleet>',
    text: 'Which devices of a balena fleet are nodes, or would be; --apply makes them nodes-to-be.',
    flags: {
      apply: { type: 'boolean', text: 'Give each device a join token and a name, and tag it at balena.' },
      only: { type: 'string', value: '<a,b>', text: 'Only these devices, by name or UUID.' },
      site: { type: 'string', value: '<site>', text: 'The site of the nodes; home by default.' },
      labels: { type: 'string', value: '<a=b,...>', text: 'Labels of the nodes.' },
      expires: { type: 'string', value: '<time>', text: 'How long the devices may take to join; 7d by default.' },
      address: {
        type: 'string',
        value: '<host>',
        text: 'Host name or address under which the devices reach the coordinator.',
      },
    },
    run: importDevices,
  },
];
