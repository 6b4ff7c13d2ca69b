// The files of a bridge between the fleet and a Mosquitto that already runs in the house. In: where the fleet is, and the bridge's key. Out: the
// text of its configuration and of its rights. Pure.
import { fromFleet, toFleet } from '@blackroad/protocol';

interface Bridge {
  host: string;
  port: number;
  key: { id: string; secret: string };
  /** Where Home Assistant finds devices; null: nowhere. */
  discovery: string | null;
  /** Whether people in the house may ask agents. */
  asks: boolean;
  /** Path of the fleet's CA on the machine of the Mosquitto. */
  caFile: string;
}

export const bridgeName = 'blackroad-fleet';

/** For `/etc/mosquitto/conf.d`. */
export function bridgeConfig({ host, port, key, discovery, asks, caFile }: Bridge): string {
  const lines = [
    '# A bridge to BlackRoad Fleet, made by `fleet integrations bridge`. It has a key in it: mode 600, owner mosquitto.',
    `connection ${bridgeName}`,
    `address ${host.includes(':') ? `[${host}]` : host}:${port}`,
    `bridge_cafile ${caFile}`,
    '# Properties of MQTT 5 come through. Mosquitto before 2.0 does not know it.',
    'bridge_protocol_version mqttv50',
    `remote_clientid ${bridgeName}`,
    `remote_username ${key.id}`,
    `remote_password ${key.secret}`,
    '# The fleet keeps no session: what is retained comes again with each connection.',
    'cleansession true',
    'notifications false',
    'try_private false',
    'start_type automatic',
    'restart_timeout 2 60',
    'keepalive_interval 30',
    '',
    '# From the fleet to the house. No topic goes both ways: nothing can go round in a circle.',
    ...fromFleet(key.id, discovery).map(({ filter, qos }) => `topic ${filter} in ${qos}`),
  ];
  if (asks)
    lines.push(
      '',
      '# From the house to the fleet.',
      ...toFleet(discovery).map(({ filter, qos }) => `topic ${filter} out ${qos}`),
    );
  return `${lines.join('\n')}\n`;
}

/** Lines for an `acl_file`. */
export function bridgeAcl({ key, discovery, asks }: Pick<Bridge, 'key' | 'discovery' | 'asks'>): string {
  const lines = [
    '# Rights on the topics of BlackRoad Fleet, made by `fleet integrations bridge`: lines for the acl_file of this broker.',
    '# They are for every user. A broker with an acl_file allows nothing else than what stands in it; without one these are not needed:',
    '# the bridge itself lets nothing through to the fleet but questions.',
    ...fromFleet(key.id, discovery).map(({ filter }) => `pattern read ${filter}`),
    ...(asks ? toFleet(discovery).map(({ filter }) => `pattern write ${filter}`) : []),
  ];
  return `${lines.join('\n')}\n`;
}
