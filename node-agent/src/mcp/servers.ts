// The MCP servers of a node, for its agents. In: the owner's list, and what an agent was granted of it. Out: tools with the name of their server
// before their own, and what is missing in words. An agent reaches the tools of its grants alone.
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Tool } from '../agents/tool.ts';
import type { McpToolbox } from '../agents/tool-box.ts';
import { httpWire } from './http-wire.ts';
import { McpServer } from './server.ts';
import { readServers, type ServerPlace } from './servers-file.ts';
import { stdioWire } from './stdio-wire.ts';

interface McpServersParts {
  places: readonly ServerPlace[];
  version: string;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  log: Log;
}

/** What model servers take as the name of a tool. */
const maxNameChars = 64;

/** Null: the owner lists none. @throws OptionError */
export function mcpHere(path: string, parts: Omit<McpServersParts, 'places'>): McpServers | null {
  return path === '' ? null : new McpServers({ places: readServers(path), ...parts });
}

export class McpServers implements McpToolbox {
  readonly #servers: ReadonlyMap<string, McpServer>;

  constructor({ places, version, env, clock, log }: McpServersParts) {
    this.#servers = new Map(
      places.map((place) => [
        place.name,
        new McpServer({
          name: place.name,
          version,
          open: (events) => (place.kind === 'command' ? stdioWire(place, env, events, clock) : httpWire(place, events)),
          clock,
          log,
        }),
      ]),
    );
  }

  async tools({ server: name, tools: granted }: Parameters<McpToolbox['tools']>[0]): Promise<Tool[]> {
    const server = this.#servers.get(name);
    if (!server) return [];
    const found = await server.tools();
    const isGranted = (tool: string) => granted.includes('*') || granted.includes(tool);
    return found
      .filter((tool) => isGranted(tool.name))
      .map(({ name: tool, description, parameters }) => ({
        name: `${name}_${tool}`.replaceAll(/[^\w-]/g, '_').slice(0, maxNameChars),
        description: description || `The tool ${tool} of ${name}.`,
        parameters: parameters as Tool['parameters'],
        // Its schema is not one of ours: the server judges the arguments.
        judgedElsewhere: true,
        outside: true,
        call: (args, { signal }) => server.call(tool, args, signal),
      }));
  }

  trouble({ server: name }: { server: string }): string | null {
    const server = this.#servers.get(name);
    return server ? server.trouble : `this node has no MCP server ${name}; its owner can add one (--mcp-servers)`;
  }

  /** For the page of the node. */
  notes(): string[] {
    return [...this.#servers.values()].flatMap(({ trouble }) => (trouble === null ? [] : [`${trouble}.`]));
  }

  stop(): void {
    for (const server of this.#servers.values()) server.stop();
  }
}
