// All versions of the spec, the changes from one to the next, and the return to an older one, which makes a new version.
import type { AgentView, RouteAnswer } from '@blackroad/protocol';
import { Undo2 } from 'lucide-react';
import { useEffect } from 'react';
import { call } from '../../data/api.ts';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { useAddress } from '../../kit/address.ts';
import { Button } from '../../kit/button.tsx';
import { SelectField } from '../../kit/field.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Loaded } from '../../kit/states.tsx';
import { Tag } from '../../kit/status.tsx';
import { SpecDiff } from './spec-diff.tsx';

type Version = RouteAnswer<'agentVersions'>[number];

export default function AgentVersions({ agent }: { agent: AgentView }) {
  const versions = useRoute('agentVersions', { params: { agent: agent.name } });
  const { data, refetch } = versions;
  // A version made elsewhere is told by the feed.
  const known = data?.[0]?.version ?? agent.version;
  useEffect(() => {
    if (known < agent.version) void refetch();
  }, [known, agent.version, refetch]);
  return <Loaded of={versions}>{(list) => <Versions agent={agent} list={list} />}</Loaded>;
}

function Versions({ agent, list }: { agent: AgentView; list: Version[] }) {
  const may = useMay();
  const [chosen, choose] = useAddress('/agents/$agent', 'version', String(list[0]?.version ?? ''));
  const [against, setAgainst] = useAddress('/agents/$agent', 'against');
  const at = Math.max(
    0,
    list.findIndex(({ version }) => String(version) === chosen),
  );
  const version = list[at];
  const other = list.find((each) => String(each.version) === against) ?? list[at + 1];
  const rollBack = useAct('agentApply', {
    done: (now) => `${agent.name} is as in version ${version?.version} again: that is version ${now.version}.`,
    undo: () => () => call('agentApply', { params: { agent: agent.name }, body: agent.spec }),
    stales: ['agentVersions'],
  });
  if (!version) return null;
  const isNow = version.version === agent.version;
  return (
    <div className="versions">
      <Panel title="Versions" bare>
        <ul className="version-list">
          {list.map(({ version: n, atMs, by }) => (
            <li key={n}>
              <button
                type="button"
                className="version"
                aria-current={n === version.version ? 'true' : undefined}
                onClick={() => choose(String(n))}
              >
                <strong>Version {n}</strong>
                {n === agent.version && <Tag tone="good">now</Tag>}
                <span className="small dim">
                  <Time at={atMs} /> by {by.replace(/^key:/, '')}
                </span>
              </button>
            </li>
          ))}
        </ul>
      </Panel>
      <Panel
        title={other ? `Version ${other.version} and ${version.version}` : `Version ${version.version}, the first`}
        aside={
          may('agentApply') &&
          !isNow && (
            <Button
              icon={<Undo2 />}
              busy={rollBack.isPending}
              onClick={() => rollBack.mutate({ params: { agent: agent.name }, body: version.spec })}
            >
              Roll back to {version.version}
            </Button>
          )
        }
      >
        <div className="stack">
          {list.length > 2 && (
            <SelectField
              label="Compare with"
              value={String(other?.version ?? '')}
              options={list
                .filter((each) => each.version !== version.version)
                .map(({ version: n }) => [String(n), `version ${n}${n === agent.version ? ', now' : ''}`])}
              onChange={(event) => setAgainst(event.target.value)}
            />
          )}
          <SpecDiff
            before={other?.spec ?? null}
            after={version.spec}
            names={[other?.version ?? null, version.version]}
          />
        </div>
      </Panel>
    </div>
  );
}
