// The route table as an OpenAPI 3.1 document.
// In: the table and a version. Out: plain JSON. Every answer that is not its row's schema is a Problem.
import { Problem } from '../problem.ts';
import { bodyBytesOf, type RouteRow } from '../routes/row.ts';
import { routes } from '../routes.ts';
import { createSchemaWriter, type JsonObject, type SchemaWriter } from './schemas.ts';

export function openApi(version: string): JsonObject {
  const writer = createSchemaWriter();
  const paths: Record<string, JsonObject> = {};
  for (const [name, row] of Object.entries(routes) as [string, RouteRow][]) {
    const path = row.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operation(name, row, writer) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'BlackRoad Fleet', version, license: { name: 'MIT', identifier: 'MIT' } },
    paths,
    components: {
      schemas: writer.components(),
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description:
            'An API key: `brk_<id>_<secret>`. An operation names the permission that the role of the key must have.',
        },
      },
    },
  };
}

/** The status of a row's own answer. */
export function statusOf(row: RouteRow): number {
  if (row.created) return 201;
  return row.answer || row.dialect || row.method === 'GET' ? 200 : 204;
}

const dialects = { openai: 'OpenAI', anthropic: 'Anthropic', ollama: 'Ollama', mcp: 'MCP' } as const;

function operation(name: string, row: RouteRow, writer: SchemaWriter): JsonObject {
  const status = statusOf(row);
  const content: JsonObject = {};
  if (row.answer) content['application/json'] = { schema: writer.schema(row.answer) };
  if (row.stream) content['text/event-stream'] = { schema: { type: 'string' } };
  const parameters = [...parametersOf(row.params, 'path', writer), ...parametersOf(row.query, 'query', writer)];
  return {
    operationId: name,
    summary: row.text,
    'x-body-bytes': bodyBytesOf(row),
    security: row.needs === 'open' ? [] : [{ key: [row.needs] }],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(row.body
      ? { requestBody: { required: true, content: { 'application/json': { schema: writer.schema(row.body) } } } }
      : row.raw
        ? { requestBody: { required: false, content: { '*/*': { schema: { type: 'string' } } } } }
        : {}),
    responses: {
      [status]: {
        description: row.dialect ? `In the form of the ${dialects[row.dialect]} API.` : 'Done.',
        ...(Object.keys(content).length > 0 ? { content } : {}),
      },
      default: row.dialect
        ? { description: `An error in the form of the ${dialects[row.dialect]} API.` }
        : {
            description: 'A problem (RFC 9457).',
            content: { 'application/problem+json': { schema: writer.schema(Problem) } },
          },
    },
  };
}

function parametersOf(schema: object | undefined, where: 'path' | 'query', writer: SchemaWriter): JsonObject[] {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Record<string, object>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: writer.schema(property),
  }));
}
