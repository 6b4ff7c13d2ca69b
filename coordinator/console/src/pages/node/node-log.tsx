// The last lines of the node-agent's log, read from the node itself; again every few seconds while it is followed.
import type { NodeView } from '@blackroad/protocol';
import { useEffect, useRef, useState } from 'react';
import { useRoute } from '../../data/query.ts';
import { Checkbox } from '../../kit/field.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Empty, Loaded } from '../../kit/states.tsx';
import { clockTime } from '../../kit/words.ts';

const lines = 300;
const againMs = 3_000;

interface LogLine {
  level: string;
  time: number | null;
  text: string;
}
const levels: Record<number, string> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warning',
  50: 'error',
  60: 'fatal',
};
/** The node-agent writes one JSON object a line; anything else is shown as it is. */
function read(line: string): LogLine {
  try {
    const { level, time, msg, pid: _pid, hostname: _host, name: _name, ...rest } = JSON.parse(line);
    const more = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : '';
    const at = typeof time === 'number' ? time : Date.parse(time);
    return {
      level: levels[level] ?? String(level ?? ''),
      time: Number.isFinite(at) ? at : null,
      text: `${msg ?? ''}${more}`,
    };
  } catch {
    return { level: '', time: null, text: line };
  }
}

export function NodeLog({ node }: { node: NodeView }) {
  const [follow, setFollow] = useState(true);
  const end = useRef<HTMLDivElement>(null);
  const online = node.presence === 'online';
  const log = useRoute(
    'nodeLog',
    { params: { node: node.id }, query: { lines } },
    { enabled: online, refetchInterval: follow && online ? againMs : false },
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end is scrolled to when new lines come
  useEffect(() => {
    if (follow && end.current) end.current.scrollTop = end.current.scrollHeight;
  }, [log.data, follow]);
  if (!online) {
    return (
      <Empty title={`${node.id} is ${node.presence}`}>
        <p>The log is asked of the node itself; it can be read when it is back.</p>
      </Empty>
    );
  }
  return (
    <Panel
      title="Log"
      bare
      aside={<Checkbox label="Follow" checked={follow} onChange={(event) => setFollow(event.target.checked)} />}
    >
      <Loaded of={log} lines={8}>
        {(answer) => (
          <div
            ref={end}
            className="log figure"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with keys
            tabIndex={0}
            role="log"
            aria-label={`Log of ${node.id}`}
            aria-live="off"
          >
            {answer.lines.length === 0 && <p className="dim">Nothing was logged yet.</p>}
            {answer.lines.map((line, i) => {
              const { level, time, text } = read(line);
              return (
                // biome-ignore lint/suspicious/noArrayIndexKey: lines have no name and may be alike
                <p key={i}>
                  {time !== null && <span className="dim">{clockTime(time)} </span>}
                  <span
                    className={level === 'error' || level === 'fatal' ? 'bad' : level === 'warning' ? 'warn' : 'dim'}
                  >
                    {level}
                  </span>{' '}
                  {text}
                </p>
              );
            })}
          </div>
        )}
      </Loaded>
    </Panel>
  );
}
