// docs/mcp.md says of tools and bounds what the code has, and its examples can be pasted.
import { readFileSync } from 'node:fs';
import { maxMcpBytes, maxMcpMessages, maxMcpRequestsPerKey, maxRequestsPerMinute } from '@blackroad/protocol';
import { readAgentFile } from '@blackroad/protocol/agent-file';
import t from 'tap';
import { tools } from '../../coordinator/src/mcp/tools.ts';
import {
  awayPauseMs,
  callMs,
  connectMs,
  firstLookMs,
  idleMs,
  longPauseMs,
  maxAnswerBytes,
  maxMessageBytes,
  maxResultChars,
  maxSchemaChars,
  maxSchemaDepth,
  maxServerTools,
  shortPauseMs,
} from '../../node-agent/src/mcp/limits.ts';
import { lookMs, maxNodes } from '../../vscode/src/fleet/watch.ts';

const page = readFileSync(new URL('../../docs/mcp.md', import.meta.url), 'utf8');
const has = (t: { ok(is: boolean, words: string): void }, words: string) => t.ok(page.includes(words), words);

t.test('the table of tools is the list of tools, with their permissions', async (t) => {
  const rows = [...page.matchAll(/^\| `(\w+)` \|.*\| ([^|]+) \| ([^|]+) \|$/gm)].map(([, name, changes, needs]) => ({
    name,
    readOnly: changes === 'nothing',
    needs: [...(needs as string).matchAll(/`([\w:]+)`/g)].map(([, each]) => each),
  }));
  t.same(
    rows,
    tools.map(({ name, readOnly, needs }) => ({ name, readOnly, needs })),
  );
});

t.test('bounds', async (t) => {
  const minutes = (ms: number) => ms / 60_000;
  const MiB = (bytes: number) => bytes / 1024 / 1024;
  has(t, `| bytes of one request | ${MiB(maxMcpBytes)} MiB |`);
  has(t, `| messages of one request (older protocols) | ${maxMcpMessages} |`);
  has(t, `| requests of one key that are being answered | ${maxMcpRequestsPerKey} |`);
  has(t, `| requests of one key in a minute | ${maxRequestsPerMinute.toLocaleString('en-US')},`);
  has(t, `does not say hello within ${connectMs / 1000} s, or a call is not answered within ${callMs / 1000} s`);
  has(t, `a turn waits ${firstLookMs / 1000} s for a server`);
  has(t, `sends more than ${MiB(maxMessageBytes)} MiB in a message, or ${MiB(maxAnswerBytes)} MiB in an answer`);
  has(
    t,
    `of more than ${maxSchemaChars.toLocaleString('en-US')} characters or ${maxSchemaDepth} levels, two of a name, more than ${maxServerTools} `,
  );
  has(t, `its first ${maxResultChars.toLocaleString('en-US')} characters`);
  has(
    t,
    `after ${shortPauseMs / 1000} s, after ${(2 * shortPauseMs) / 1000} s, then every ${minutes(longPauseMs)} minutes;`,
  );
  has(t, `while Home Assistant starts) every ${awayPauseMs / 1000} s.`);
  has(t, `nobody uses for ${minutes(idleMs)} minutes`);
});

t.test('the extension for VS Code', async (t) => {
  const { engines, version } = JSON.parse(readFileSync(new URL('../../vscode/package.json', import.meta.url), 'utf8'));
  const own = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  has(t, `It looks at the fleet every ${lookMs / 1000} seconds`);
  has(t, `shows ${maxNodes} nodes`);
  has(t, `It needs VS Code ${/^\^(\d+\.\d+)/.exec(engines.vscode)?.[1]}.`);
  t.equal(version, own.version, 'its version is that of the project');
});

t.test('what is to be pasted can be read', async (t) => {
  for (const [, json] of page.matchAll(/```json\n([\s\S]*?)```/g)) t.doesNotThrow(() => JSON.parse(json as string));
  const agents = [...page.matchAll(/```yaml\n(name: butler[\s\S]*?)```/g)];
  t.equal(readAgentFile(agents[0]?.[1] ?? '', 'mcp.md')[0]?.tools.length, 2);
});
