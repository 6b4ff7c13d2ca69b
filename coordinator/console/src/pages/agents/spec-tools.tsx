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

export function ToolFields({
  tools,
  onTools,
  fault,
}: {
  tools: readonly ToolGrant[];
  onTools(tools: ToolGrant[]): void;
  fault: string | undefined;
}) {
  const find = <N extends ToolGrant['tool']>(name: N) =>
    tools.find(({ tool }) => tool === name) as Extract<ToolGrant, { tool: N }> | undefined;
  const drop = (name: string) => tools.filter(({ tool }) => tool !== name);
  const http = find('http');
  const mqtt = find('mqtt');
  const mcp = find('mcp') !== undefined;
  const gpio = find('gpio');
  const sensor = find('sensor');
  return (
    <fieldset className="spec-group">
      <legend>Tools</legend>
      {plain.map(([name, text]) => (
        <Checkbox
          key={name}
          label={text}
          checked={find(name) !== undefined}
          onChange={(event) => onTools(event.target.checked ? [...tools, { tool: name }] : drop(name))}
        />
      ))}
      <Checkbox
        label="HTTP: read from hosts you name"
        checked={http !== undefined}
        onChange={(event) => onTools(event.target.checked ? [...tools, { tool: 'http', hosts: [] }] : drop('http'))}
      />
      {http && (
        <ListField
          label="Hosts"
          value={http.hosts}
          hint="As example.org or 192.168.1.10:8080."
          onValue={(hosts) => onTools([...drop('http'), { tool: 'http', hosts }])}
        />
      )}
      <Checkbox
        label="MQTT: publish to topics you name"
        checked={mqtt !== undefined}
        onChange={(event) => onTools(event.target.checked ? [...tools, { tool: 'mqtt', topics: [] }] : drop('mqtt'))}
      />
      {mqtt && (
        <ListField
          label="Topics"
          value={mqtt.topics}
          hint="One level each, below the agent's own."
          onValue={(topics) => onTools([...drop('mqtt'), { tool: 'mqtt', topics }])}
        />
      )}
      <Checkbox
        label="MCP: tools of servers that the owner of its node set up"
        checked={mcp}
        onChange={(event) => onTools(event.target.checked ? [...tools, ...mcpGrants([''])] : drop('mcp'))}
      />
      {mcp && (
        <ListField
          label="Servers and tools"
          value={mcpEntries(tools).filter((entry) => entry !== '')}
          hint="home for every tool of the server home, home/HassTurnOn for one."
          onValue={(entries) => onTools([...drop('mcp'), ...mcpGrants(entries.length > 0 ? entries : [''])])}
        />
      )}
      <Checkbox
        label="Pins: read, set and wait for those of its board that you name"
        checked={gpio !== undefined}
        onChange={(event) => onTools(event.target.checked ? [...tools, { tool: 'gpio', pins: [] }] : drop('gpio'))}
      />
      {gpio && (
        <ListField
          label="Pins"
          value={gpio.pins}
          hint="As the owner of a node names them; the agent is placed where they are."
          onValue={(pins) => onTools([...drop('gpio'), { tool: 'gpio', pins }])}
        />
      )}
      <Checkbox
        label="Sensors: read those of its node that you name"
        checked={sensor !== undefined}
        onChange={(event) =>
          onTools(event.target.checked ? [...tools, { tool: 'sensor', sensors: [] }] : drop('sensor'))
        }
      />
      {sensor && (
        <ListField
          label="Sensors"
          value={sensor.sensors}
          hint="As the owner of a node names them; the agent is placed where they are."
          onValue={(sensors) => onTools([...drop('sensor'), { tool: 'sensor', sensors }])}
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
