// This API as OpenAPI 3.1, made from the route table; cached, since the table never changes in a process.
import { Problem, type RouteRow, routes } from '@blackroad/protocol';

let made: { version: string; document: object } | null = null;

export function openApiDocument(version: string): object {
  if (made?.version !== version) made = { version, document: build(version) };
  return made.document;
}

function build(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [name, row] of Object.entries(routes) as [string, RouteRow][]) {
    const path = row.path.replace(/:([a-z]+)/g, '{$1}');
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operation(name, row) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'BlackRoad Fleet', version, license: { name: 'MIT' } },
    components: {
      schemas: { Problem },
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'brk_<id>_<secret>' } },
    },
    paths,
  };
}
function operation(name: string, row: RouteRow): object {
  const parameters = [...parametersOf(row.params, 'path'), ...parametersOf(row.query, 'query')];
  const json = (schema: unknown) => ({ 'application/json': { schema } });
  const content = row.answer && {
    ...json(row.answer),
    ...(row.stream ? { 'text/event-stream': { schema: { type: 'string' } } } : {}),
  };
  const status = row.created ? '201' : row.answer || !/^(POST|DELETE)$/.test(row.method) ? '200' : '204';
  return {
    operationId: name,
    summary: row.text,
    'x-access': row.access,
    security: row.access === 'open' ? [] : [{ key: [] }],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(row.body ? { requestBody: { required: true, content: json(row.body) } } : {}),
    responses: {
      [status]: { description: 'Done.', ...(content ? { content } : {}) },
      default: {
        description: 'A problem.',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}
function parametersOf(schema: unknown, where: 'path' | 'query'): object[] {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Record<string, object>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }));
}
