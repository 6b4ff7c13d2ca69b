// The list of tools as an MCP server tells it, judged: a tool whose name or schema a model could not be given is left out, and said.
import { maxDescriptionChars, maxSchemaChars, maxSchemaDepth, maxServerTools } from './limits.ts';

export interface ServerTool {
  name: string;
  description: string;
  /** JSON Schema of its arguments: it goes to the model as it is, and the server itself judges what the model makes of it. */
  parameters: object;
}

export function toolsIn(found: readonly unknown[]): { tools: ServerTool[]; left: string[] } {
  const tools: ServerTool[] = [];
  const left: string[] = [];
  const names = new Set<string>();
  for (const each of found.slice(0, maxServerTools)) {
    const { name, description, inputSchema } = (each ?? {}) as Record<string, unknown>;
    if (typeof name !== 'string' || !/^[\w./-]{1,128}$/.test(name)) {
      left.push('a tool without a name that can be said');
      continue;
    }
    const fault = names.has(name) ? 'there are two of that name' : schemaFault(inputSchema);
    names.add(name);
    if (fault !== null) left.push(`${name} (${fault})`);
    else
      tools.push({
        name,
        description: typeof description === 'string' ? description.slice(0, maxDescriptionChars).toWellFormed() : '',
        parameters: inputSchema as object,
      });
  }
  if (found.length > maxServerTools) left.push(`all beyond the first ${maxServerTools}`);
  return { tools, left };
}

function schemaFault(schema: unknown): string | null {
  const { type, properties, required } = (schema ?? {}) as Record<string, unknown>;
  if (type !== 'object') return 'its arguments are no object';
  if (properties !== undefined && (typeof properties !== 'object' || properties === null || Array.isArray(properties)))
    return 'its schema is none';
  if (required !== undefined && !(Array.isArray(required) && required.every((each) => typeof each === 'string')))
    return 'its schema is none';
  if (isDeeper(schema, maxSchemaDepth)) return `its schema has more than ${maxSchemaDepth} levels`;
  if (JSON.stringify(schema).length > maxSchemaChars) return `its schema has more than ${maxSchemaChars} characters`;
  return null;
}
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}
