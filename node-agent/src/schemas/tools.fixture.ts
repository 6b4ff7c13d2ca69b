// For schemas.test.ts: the schemas of what a model may ask of the tools, built with whatever stands for `typebox`.
import { systemClock } from '@blackroad/std/clock';
import { httpTool } from '../agents/tools/http.ts';
import { memoryTools } from '../agents/tools/memory.ts';
import { mqttTool } from '../agents/tools/mqtt.ts';
import { nodeTool } from '../agents/tools/node.ts';

const [search, save] = memoryTools('a', {} as never).map(({ parameters }) => parameters);
export const http = httpTool([], systemClock).parameters;
export const mqtt = mqttTool([], () => true).parameters;
export const node = nodeTool(() => []).parameters;
export { save, search };
