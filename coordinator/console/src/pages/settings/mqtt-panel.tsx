// Where programs of the house connect over MQTT, and how the door for them is.
import type { MqttView, PeopleDoorView } from '@blackroad/protocol';
import { useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Facts, Panel } from '../../kit/layout.tsx';
import { Loaded } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';
import { bytes } from '../../kit/words.ts';

const againMs = 5_000;

export function MqttPanel() {
  const may = useMay();
  return may('mqtt') ? <Mqtt /> : null;
}

function Mqtt() {
  const mqtt = useRoute('mqtt', {}, { refetchInterval: againMs });
  return (
    <Panel title="Programs over MQTT">
      <Loaded of={mqtt}>
        {(view) => (
          <>
            <Facts rows={rowsOf(view)} />
            <p className="dim small settings-where">
              User name and password are the id and the secret of a key. Home Assistant and Node-RED connect here;{' '}
              <code>fleet integrations bridge</code> writes what a Mosquitto of the house needs.
            </p>
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function rowsOf(view: MqttView): Parameters<typeof Facts>[0]['rows'] {
  const { embedded, host, port, connections, discovery, people } = view;
  return [
    ['Nodes', embedded ? `port ${port ?? '-'}, MQTT 3.1.1; ${connections} connected` : `the broker ${host}:${port}`],
    ...(people === null ? [['Programs', withoutDoor(embedded)] as [string, string]] : doorRows(people)),
    [
      'Home Assistant',
      discovery === null ? 'finds nothing (--home-assistant off)' : `finds the fleet below ${discovery}/`,
    ],
  ];
}

const withoutDoor = (embedded: boolean) =>
  embedded
    ? 'the port of the nodes, MQTT 3.1.1 alone (--people-port none)'
    : 'the same broker, in the versions that it speaks';

function doorRows(door: PeopleDoorView): Parameters<typeof Facts>[0]['rows'] {
  const { port, problem, problemSinceMs, connections, subscriptions, waiting, dropped, restarts, rssBytes } = door;
  const refused = Object.entries(door.refused).filter(([, count]) => count > 0);
  return [
    ['Programs', port === null ? '-' : `port ${port}, MQTT 3.1.1 and 5 over TLS`],
    ['Listens', problem === null ? <Status key="l" of="ready" word="yes" /> : <Status key="l" of="error" word="no" />],
    problem !== null && [
      'Why not',
      <span key="w">
        {problem}
        {problemSinceMs !== null && (
          <>
            , for <Time at={problemSinceMs} since />
          </>
        )}
      </span>,
    ],
    ['Connected', `${connections}, with ${subscriptions} subscriptions`],
    waiting > 0 && ['Waiting', `${waiting} messages`],
    dropped > 0 && ['Left out', `${dropped} messages, because too many waited`],
    restarts > 0 && ['Started anew', `${restarts} times since the coordinator started`],
    rssBytes !== null && ['Memory', bytes(rssBytes)],
    refused.length > 0 && ['Refused', refused.map(([reason, count]) => `${count}: ${reason}`).join('; ')],
  ];
}
