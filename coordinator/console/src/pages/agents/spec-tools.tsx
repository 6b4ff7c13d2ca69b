// The tools that an agent may use. It has no other.
import type { ToolGrant } from '@blackroad/protocol';
import { Checkbox } from '../../kit/field.tsx';
import { mcpEntries, mcpGrants } from './mcp-entries.ts';
import { ListField } from './spec-fields.tsx';

const plain = [
  ['memory', 'Memory: search and save its own'],
  ['node', 'Node: read facts and health of the machine it runs on'],
  ['camera', 'Camera: look through that of the machine it runs on'],
] as const;

type Named = Extract<ToolGrant, { tool: 'http' | 'mqtt' | 'gpio' | 'sensor' }>;
interface NamedKind {
  tool: Named['tool'];
  text: string;
  list: string;
  hint: string;
  namesOf(grant: ToolGrant): string[] | null;
  grant(names: string[]): Named;
}
const whereTheyAre = 'As the owner of a node names them; the agent is placed where they are.';
/** Tools whose grant is a list of names. */
const named: readonly NamedKind[] = [
  {
    tool: 'http',
    text: 'HTTP: read from hosts you name',
    list: 'Hosts',
    hint: 'As example.org or 192.168.1.10:8080.',
    namesOf: (grant) => (grant.tool === 'http' ? grant.hosts : null),
    grant: (hosts) => ({ tool: 'http', hosts }),
  },
  {
    tool: 'mqtt',
    text: 'MQTT: publish to topics you name',
    list: 'Topics',
    hint: "One level each, below the agent's own.",
    namesOf: (grant) => (grant.tool === 'mqtt' ? grant.topics : null),
    grant: (topics) => ({ tool: 'mqtt', topics }),
  },
  {
    tool: 'gpio',
    text: 'Pins: read, set and wait for those that you name',
    list: 'Pins',
    hint: whereTheyAre,
    namesOf: (grant) => (grant.tool === 'gpio' ? grant.pins : null),
    grant: (pins) => ({ tool: 'gpio', pins }),
  },
  {
    tool: 'sensor',
    text: 'Sensors: read those that you name',
    list: 'Sensors',
    hint: whereTheyAre,
    namesOf: (grant) => (grant.tool === 'sensor' ? grant.sensors : null),
    grant: (sensors) => ({ tool: 'sensor', sensors }),
  },
];

interface ToolsProps {
  tools: readonly ToolGrant[];
  onTools(tools: ToolGrant[]): void;
}
const without = (tools: readonly ToolGrant[], name: string) => tools.filter(({ tool }) => tool !== name);

export function ToolFields({ tools, onTools, fault }: ToolsProps & { fault: string | undefined }) {
  const drop = (name: string) => without(tools, name);
  const has = (name: string) => tools.some(({ tool }) => tool === name);
  return (
    <fieldset className="spec-group">
      <legend>Tools</legend>
      {plain.map(([name, text]) => (
        <Checkbox
          key={name}
          label={text}
          checked={has(name)}
          onChange={(event) => onTools(event.target.checked ? [...tools, { tool: name }] : drop(name))}
        />
      ))}
      {named.map((kind) => (
        <NamedGrant key={kind.tool} kind={kind} tools={tools} onTools={onTools} />
      ))}
      <Checkbox
        label="MCP: tools of servers that the owner of its node set up"
        checked={has('mcp')}
        onChange={(event) => onTools(event.target.checked ? [...tools, ...mcpGrants([''])] : drop('mcp'))}
      />
      {has('mcp') && (
        <ListField
          label="Servers and tools"
          value={mcpEntries(tools).filter((entry) => entry !== '')}
          hint="home for every tool of the server home, home/HassTurnOn for one."
          onValue={(entries) => onTools([...drop('mcp'), ...mcpGrants(entries.length > 0 ? entries : [''])])}
        />
      )}
      {fault && (
        <p className="bad small" role="alert">
          {fault}
        </p>
      )}
    </fieldset>
  );
}

function NamedGrant({ kind, tools, onTools }: ToolsProps & { kind: NamedKind }) {
  const { tool, text, list, hint, namesOf, grant } = kind;
  const names = tools.map(namesOf).find((each) => each !== null);
  const drop = () => without(tools, tool);
  return (
    <>
      <Checkbox
        label={text}
        checked={names !== undefined}
        onChange={(event) => onTools(event.target.checked ? [...tools, grant([])] : drop())}
      />
      {names && (
        <ListField label={list} value={names} hint={hint} onValue={(value) => onTools([...drop(), grant(value)])} />
      )}
    </>
  );
}
