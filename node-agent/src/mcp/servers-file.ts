// The file in which the owner of a node lists its MCP servers, in the form that editors have: `mcpServers`, by name a command or an address. What
// runs on a node is said here alone: the spec of an agent names a server of this list and its tools, and brings no command and no address.
import { explain, interpretingChecker, type Static, Type } from '@blackroad/protocol';
import { OptionError } from '@blackroad/std/options';
import { readOwnersFile } from '../files/owners-file.ts';

const closed = { additionalProperties: false };
const Text = Type.String({ minLength: 1, maxLength: 4_000 });
const Command = Type.Object(
  {
    type: Type.Optional(Type.Literal('stdio')),
    command: Text,
    args: Type.Optional(Type.Array(Type.String({ maxLength: 4_000 }), { maxItems: 64 })),
    env: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }), Type.String({ maxLength: 8_000 })),
    ),
  },
  closed,
);
const Address = Type.Object(
  {
    type: Type.Optional(Type.OneOf(['http', 'streamable-http'])),
    url: Type.String({ pattern: '^https?://', maxLength: 2_000 }),
    headers: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Za-z0-9-]{1,60}$' }), Type.String({ maxLength: 4_000 })),
    ),
    tokenFile: Type.Optional(Text),
  },
  closed,
);
const name = /^[a-z][a-z0-9-]{0,31}$/;
const maxServers = 16;

export type ServerPlace = { name: string } & (
  | ({ kind: 'command' } & Static<typeof Command>)
  | ({ kind: 'address' } & Static<typeof Address>)
);

/** Empty path: there are none. @throws OptionError */
export function readServers(path: string): ServerPlace[] {
  if (path === '') return [];
  const refuse = (text: string) => new OptionError(`--mcp-servers: ${path}: ${text}`);
  // Whoever may write it may start programs as the user of the node-agent.
  const text = readOwnersFile(path, 'names programs to start', refuse);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(`expected JSON: ${(error as Error).message}`);
  }
  const servers = (value as { mcpServers?: unknown } | null)?.mcpServers;
  if (typeof servers !== 'object' || servers === null || Array.isArray(servers))
    throw refuse('mcpServers: expected an object of servers by name, got none');
  const entries = Object.entries(servers);
  if (entries.length > maxServers) throw refuse(`mcpServers: expected at most ${maxServers}, got ${entries.length}`);
  return entries.map(([key, server]) => placeOf(key, server, refuse));
}

function placeOf(key: string, server: unknown, refuse: (text: string) => OptionError): ServerPlace {
  const at = `mcpServers.${key.slice(0, 60)}`;
  if (!name.test(key)) throw refuse(`${at}: expected a name of at most 32 characters: a-z, 0-9 and -, a letter first`);
  const isAddress = typeof server === 'object' && server !== null && 'url' in server;
  const schema = isAddress ? Address : Command;
  // Its words may have a secret in them: the value that came is left out.
  if (!interpretingChecker(schema, server)) throw refuse(`${at}.${explain(schema, server).replace(/, got .*/s, '')}`);
  return isAddress
    ? { name: key, kind: 'address', ...(server as Static<typeof Address>) }
    : { name: key, kind: 'command', ...(server as Static<typeof Command>) };
}
