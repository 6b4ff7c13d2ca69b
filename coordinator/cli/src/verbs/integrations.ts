// Verbs for programs of the house: where they connect over MQTT, and a bridge to a broker that runs there already.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FleetError, type MqttView } from '@blackroad/protocol';
import { bridgeAcl, bridgeConfig, bridgeName } from '../bridge-files.ts';
import { textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { bytes } from '../words.ts';

const brokers = ['mosquitto', 'nats'] as const;
const whyNotNats =
  'NATS cannot connect to another MQTT broker by itself, and speaks MQTT 3.1.1 alone. Either let a Mosquitto bridge the fleet (fleet integrations bridge) and let programs of NATS ask that, or give the fleet the NATS as its broker: --broker mqtt://host:1883 (docs/mqtt.md).';

function mqttWords({ embedded, host, port, connections, people }: MqttView, call: VerbCall): string {
  const lines = [
    `nodes      ${embedded ? `port ${port ?? '-'}` : `${host}:${port}`}, MQTT 3.1.1 over TLS${embedded ? `; ${connections} connected` : ', a broker of your own'}`,
  ];
  if (people) {
    const { rssBytes } = people;
    lines.push(
      `people     port ${people.port ?? '-'}, MQTT 3.1.1 and 5 over TLS; ${people.connections} connected with ${people.subscriptions} subscriptions`,
      `process    ${rssBytes === null ? 'not known yet' : `${bytes(rssBytes)} of memory`}, ended ${people.restarts} times, ${people.dropped} messages left out`,
    );
    if (people.problem !== null) lines.push(call.paint('red', `problem    ${people.problem}`));
  } else
    lines.push(
      embedded
        ? 'people     the port of the nodes, with MQTT 3.1.1 alone: the door for people is switched off (--people-port none)'
        : 'people     the same broker, in the versions that it speaks',
    );
  lines.push(
    '',
    `User name and password are the id and the secret of a key: ${call.as.fleet('keys create <name> --role operator')}`,
  );
  return lines.join('\n');
}

function portOf({ people, embedded }: MqttView): number {
  if (people?.port) return people.port;
  const detail = people
    ? `The MQTT door for people does not listen now: ${people.problem}.`
    : embedded
      ? 'The MQTT door for people is switched off (--people-port none), and a bridge connects there.'
      : 'The fleet uses a broker of your own already (--broker): let programs connect to it, no bridge is needed.';
  throw new FleetError('conflict', { detail });
}

async function writeBridge(call: VerbCall): Promise<void> {
  const broker = textFlag(call, 'for') ?? 'mosquitto';
  if (broker === 'nats') throw wrongUse(`--for: ${whyNotNats}`);
  const folder = resolve(textFlag(call, 'to') ?? 'blackroad-bridge');
  const place = (name: string) => join(folder, name);
  const files = {
    config: place('blackroad-fleet.conf'),
    acl: place('blackroad-fleet.acl'),
    ca: place('blackroad-ca.pem'),
  };
  const taken = Object.values(files).find((path) => existsSync(path));
  if (taken) throw wrongUse(`--to: expected a folder without the files of a bridge, got ${taken}.`);
  const view = await call.client().call('mqtt');
  const { discovery } = view;
  const port = portOf(view);
  const host = textFlag(call, 'host') ?? new URL(call.client().url).hostname.replace(/^\[|\]$/g, '');
  const asks = call.flags['read-only'] !== true;
  const name = textFlag(call, 'name') ?? 'mosquitto-bridge';
  const role = asks ? 'operator' : 'viewer';
  const { id, key: whole } = await call.client().call('keyCreate', { body: { name, role } });
  const key = { id, secret: whole.slice(`brk_${id}_`.length) };
  const caFile = textFlag(call, 'ca-path') ?? '/etc/mosquitto/ca_certificates/blackroad-ca.pem';
  const mode = { mode: 0o600 };
  mkdirSync(folder, { recursive: true });
  writeFileSync(files.config, bridgeConfig({ host, port, key, discovery, asks, caFile }), mode);
  writeFileSync(files.acl, bridgeAcl({ key, discovery, asks }));
  writeFileSync(files.ca, view.ca);
  const to = { config: '/etc/mosquitto/conf.d/', ca: caFile };
  call.show({ ...files, host, port, key: id, role }, () =>
    [
      `Written for the Mosquitto, with a new key ${name} (${id}, ${role}):`,
      `  ${files.ca}    to ${to.ca}`,
      `  ${files.config}  to ${to.config}, owned by mosquitto, mode 600`,
      `  ${files.acl}   its lines into the acl_file, where there is one`,
      `Then restart the Mosquitto. It connects to ${host}:${port} as ${bridgeName}.`,
      `To end it: remove the file there, and ${call.as.fleet(`keys revoke ${id}`)}`,
    ].join('\n'),
  );
}

export const integrationVerbs: Verb[] = [
  {
    words: 'integrations',
    args: '',
    text: "Where the house's programs connect over MQTT, and how the door for them is.",
    async run(call) {
      const view = await call.client().call('mqtt');
      call.show(view, () => mqttWords(view, call));
    },
  },
  {
    words: 'integrations bridge',
    args: '',
    text: 'Writes the configuration, the rights and the CA of a bridge for a Mosquitto that already runs in the house, with a key of its own.',
    flags: {
      to: { type: 'string', value: '<folder>', text: 'Where the files go; blackroad-bridge when it is missing.' },
      host: {
        type: 'string',
        value: '<host>',
        text: 'The coordinator as the Mosquitto reaches it; else as this command does.',
      },
      'ca-path': { type: 'string', value: '<file>', text: 'Where the CA will be on the machine of the Mosquitto.' },
      name: { type: 'string', value: '<name>', text: 'Of the key; mosquitto-bridge when it is missing.' },
      'read-only': { type: 'boolean', text: 'People in the house see the fleet and ask nothing.' },
      for: { type: 'string', value: '<broker>', values: brokers, text: 'mosquitto; nats says why it cannot be.' },
    },
    run: writeBridge,
  },
];
