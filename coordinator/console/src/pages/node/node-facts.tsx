// The properties and the present state of a node: the last heartbeat, shown with its age when the node is away.
import type { NodeHealth, NodeView, OsUpdates } from '@blackroad/protocol';
import { osUpdatesInWords } from '@blackroad/protocol/os-update-words';
import { Left, Time } from '../../fleet/time.tsx';
import { Facts, Meter, Panel } from '../../kit/layout.tsx';
import { Empty } from '../../kit/states.tsx';
import { Tag } from '../../kit/status.tsx';
import { bytes, duration, percent, plural } from '../../kit/words.ts';

const tone = (share: number) => (share > 0.95 ? 'bad' : share > 0.85 ? 'warn' : 'info');

/** What would be lost with the machine. */
function onlyHere({ outboxDepth, memoriesUnacked = 0 }: NodeHealth): string {
  const what = [];
  if (outboxDepth > 0) what.push(plural(outboxDepth, 'message'));
  if (memoriesUnacked > 0) what.push(plural(memoriesUnacked, 'memory'));
  return what.join(', ') || 'nothing';
}

export function NodeNow({ node }: { node: NodeView }) {
  const { health, info, capacity } = node;
  const away = node.presence !== 'online';
  return (
    <Panel
      title={away ? 'When last heard' : 'Now'}
      aside={
        <span className="dim small">
          heard <Time at={node.lastSeenMs} />
        </span>
      }
    >
      {health === null ? (
        <Empty title="No heartbeat yet">
          <p>It says how it is within seconds of coming online.</p>
        </Empty>
      ) : (
        <div className="stack">
          <Meter label="CPU" value={health.cpu} max={1} text={percent(health.cpu)} tone={tone(health.cpu)} />
          {info && (
            <Meter
              label="Memory"
              value={info.memoryBytes - health.memoryFreeBytes}
              max={info.memoryBytes}
              text={`${bytes(info.memoryBytes - health.memoryFreeBytes)} of ${bytes(info.memoryBytes)} used`}
              tone={tone(1 - health.memoryFreeBytes / info.memoryBytes)}
            />
          )}
          {capacity && capacity.memoryTotalBytes > 0 && (
            <Meter
              label="Memory for models"
              value={capacity.memoryTotalBytes - capacity.memoryFreeBytes}
              max={capacity.memoryTotalBytes}
              text={`${bytes(capacity.memoryTotalBytes - capacity.memoryFreeBytes)} of ${bytes(capacity.memoryTotalBytes)} used`}
              tone="violet"
            />
          )}
          {(health.gpus ?? []).map((gpu, i) => {
            const all = info?.gpus[i]?.memoryBytes ?? 0;
            const heat = gpu.temperatureC === undefined ? '' : ` · ${Math.round(gpu.temperatureC)} °C`;
            return (
              <Meter
                // biome-ignore lint/suspicious/noArrayIndexKey: GPUs have no other name
                key={i}
                label={info?.gpus[i]?.name ?? `GPU ${i}`}
                value={gpu.memoryUsedBytes}
                max={all}
                text={`${percent(gpu.utilisation)} busy · ${bytes(gpu.memoryUsedBytes)} of ${bytes(all)}${heat}`}
                tone="violet"
              />
            );
          })}
          <Facts
            rows={[
              health.temperatureC !== undefined && [
                'Temperature',
                <span key="t" className="figure">
                  {Math.round(health.temperatureC)} °C
                </span>,
              ],
              ['Disk free', bytes(health.diskFreeBytes)],
              health.network && [
                'Network',
                `${bytes(health.network.receivedBytesPerS)}/s in, ${bytes(health.network.sentBytesPerS)}/s out`,
              ],
              health.wifi && [
                'Wi-Fi',
                `${Math.round(health.wifi.signalDbm)} dBm, ${plural(health.wifi.reconnects, 'reconnect')}`,
              ],
              health.diskWrittenBytesPerDay !== undefined && ['Written a day', bytes(health.diskWrittenBytesPerDay)],
              ['Tasks', `${health.tasksRunning} under way`],
              ['Only here yet', onlyHere(health)],
              ['Up', duration(health.uptimeS * 1000)],
              ['Node-agent', `${node.version ?? 'version not known'}, ${bytes(health.agentRssBytes)} of memory`],
            ]}
          />
        </div>
      )}
    </Panel>
  );
}

function OsState({ of }: { of: OsUpdates }) {
  const { why, restartFor = [] } = of;
  return (
    <>
      {osUpdatesInWords(of)}
      {restartFor.length > 0 && <span className="dim small"> for {restartFor.join(', ')}</span>}
      {why !== undefined && <span className="dim small"> ({why})</span>}
    </>
  );
}

export function NodeHardware({ node }: { node: NodeView }) {
  const { info } = node;
  const price = node.capacity?.pricePerMillionTokens ?? 0;
  return (
    <Panel title="Machine">
      <Facts
        rows={[
          info?.board ? ['Board', info.board] : null,
          info?.cpu ? ['Processor', `${info.cpu} · ${plural(info.cores, 'core')}`] : null,
          info && !info.cpu && ['Cores', String(info.cores)],
          info && ['Memory', bytes(info.memoryBytes)],
          ...(info?.gpus ?? []).map((gpu): [string, string] => ['GPU', `${gpu.name}, ${bytes(gpu.memoryBytes)}`]),
          info && ['System', `${info.os} · ${info.arch}`],
          info?.osUpdates && ['Updates', <OsState key="os" of={info.osUpdates} />],
          info && ['Host name', info.hostname],
          node.address !== null && ['Address', node.address],
          info && info.runtimes.length > 0 && ['Runtimes', info.runtimes.join(', ')],
          price > 0 && ['Price', `$${price} a million tokens`],
          ['Site', node.site],
          Object.keys(node.labels).length > 0 && [
            'Labels',
            <span key="labels" className="row wrap">
              {Object.entries(node.labels).map(([key, value]) => (
                <Tag key={key}>{value ? `${key}=${value}` : key}</Tag>
              ))}
            </span>,
          ],
          ['Joined', <Time key="j" at={node.enrolledMs} />],
          [
            'Certificate',
            <span key="c">
              valid for <Left until={node.certificateExpiresMs} />
            </span>,
          ],
        ]}
      />
      {(info?.notes ?? []).map((note) => (
        <p key={note} className="dim small">
          {note}
        </p>
      ))}
    </Panel>
  );
}
