// MCP servers as an agent meets them: good ones of the official SDK, as a program and over HTTP with a token, and bad ones of every kind.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { calls, serveOverHttp } from '../../../test/fixtures/mcp/server.ts';
import { until } from '../../../test/fixtures/until.ts';
import type { Tool } from '../agents/tool.ts';
import { type McpServers, mcpHere } from './servers.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const fixtures = join(import.meta.dirname, '../../../test/fixtures/mcp');
const bad = (how: string) => ({
  command: process.execPath,
  args: ['--disable-warning=ExperimentalWarning', join(fixtures, 'bad-server.ts'), how],
});

let files = 0;
function open(mcpServers: object, clock = systemClock, log = silentLog): McpServers {
  const path = join(folder, `servers-${++files}.json`);
  writeFileSync(path, JSON.stringify({ mcpServers }), { mode: 0o600 });
  const env = { PATH: process.env.PATH, BLACKROAD_CLOUD_KEY: 'secret' };
  const servers = mcpHere(path, { version: '0.1.0', env, clock, log }) as McpServers;
  t.teardown(() => servers.stop());
  return servers;
}
const grant = (server: string, ...tools: string[]) => ({ tool: 'mcp' as const, server, tools });
const never = new AbortController().signal;
async function call(servers: McpServers, server: string, tool: string, args: object = {}, signal = never) {
  const [found] = await toolsOf(servers, server, `${server}_${tool}`);
  return (found as { call(args: unknown, context: object): Promise<string> }).call(args, { signal, task: 't' });
}
/** All of them, or that of a name, as soon as there are some. */
async function toolsOf(servers: McpServers, server: string, name?: string): Promise<Tool[]> {
  let found: Tool[] = [];
  await until(async () => {
    const all = await servers.tools(grant(server, '*'));
    found = all.filter((tool) => name === undefined || tool.name === name);
    return found.length > 0;
  }, 15_000);
  return found;
}

t.test('a program of the official SDK', async (t) => {
  const command = {
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', join(fixtures, 'server.ts')],
  };
  const servers = open({ sample: { ...command, env: { LIGHT: 'on' } } });
  t.equal(await call(servers, 'sample', 'echo', { text: 'hi' }), 'echo: hi');
  const tools = await servers.tools(grant('sample', 'echo', 'none'));
  t.match(tools, [
    { name: 'sample_echo', description: 'Says it again.', outside: true, parameters: { type: 'object' } },
  ]);
  t.equal(tools.length, 1, 'only those that were granted');
  t.match(await call(servers, 'sample', 'echo', { text: 7 }), /text/, 'it judges its arguments itself, in words');
  t.equal(await call(servers, 'sample', 'fail'), 'It failed: the light is broken');
  t.match(await call(servers, 'sample', 'picture'), /^\[image, image\/png, which is not shown here\]$/);
  const variables = await call(servers, 'sample', 'environment');
  t.match(variables, /\bLIGHT\b/);
  t.notMatch(variables, /BLACKROAD/, 'keys of the node-agent are not passed on');
  t.equal(servers.trouble({ server: 'sample' }), null);
  t.match(servers.trouble({ server: 'other' }), /this node has no MCP server other/);
  t.same(await servers.tools(grant('other', '*')), []);
});

t.test('over HTTP with a token, as Home Assistant has it', async (t) => {
  const home = await serveOverHttp('long-lived');
  t.teardown(() => home.close());
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'wrong\n');
  const servers = open({ home: { type: 'http', url: home.url, tokenFile } });
  t.same(await servers.tools(grant('home', '*')), []);
  t.equal(servers.trouble({ server: 'home' }), 'the MCP server home is not used now: it refuses its token (HTTP 401)');
  t.same(servers.notes(), ['the MCP server home is not used now: it refuses its token (HTTP 401).']);
  writeFileSync(tokenFile, 'long-lived\n');
  const again = open({ home: { url: home.url, tokenFile } });
  await until(() => servers.trouble({ server: 'home' }) === null, 15_000);
  t.equal((await servers.tools(grant('home', 'echo'))).length, 1, 'tried again by itself');
  t.equal(await call(again, 'home', 'echo', { text: 'hi' }), 'echo: hi');

  const abort = new AbortController();
  const pending = call(again, 'home', 'slow', {}, abort.signal);
  await until(() => calls.length > 0);
  const begunMs = performance.now();
  abort.abort();
  t.match(await pending, /the turn ended/);
  t.ok(performance.now() - begunMs < 200);
  t.equal(again.trouble({ server: 'home' }), null, 'which is no fault of the server');
  t.equal(await call(again, 'home', 'echo', { text: 'after' }), 'echo: after');
});

t.test('what breaks the protocol is cut off, and said in words', async (t) => {
  const words: Record<string, RegExp> = {
    garbage: /it wrote a line that is no message: "Listening on port 3000"/,
    old: /it speaks the protocol "1999-01-01", and not 2025-11-25/,
    dies: /its program ended \(code 3\): the database is locked/,
  };
  const servers = open({
    ...Object.fromEntries(Object.keys(words).map((how) => [how, bad(how)])),
    missing: { command: join(folder, 'no-such-program') },
  });
  for (const [how, said] of Object.entries({ ...words, missing: /could not be started: .*ENOENT/ })) {
    t.same(await servers.tools(grant(how, '*')), [], how);
    await until(() => said.test(servers.trouble({ server: how }) ?? ''), 10_000);
    t.match(servers.trouble({ server: how }), said);
  }
});

t.test('a result that is none, and one of 30 MB', async (t) => {
  const servers = open({ 'no-result': bad('no-result'), huge: bad('huge') });
  t.match(await call(servers, 'no-result', 'act'), /^Failed: no-result: it answered a call with what is no result/);
  t.match(await call(servers, 'huge', 'act'), /^Failed: huge: it sent a message of more than 1048576 bytes$/);
  t.match(servers.trouble({ server: 'huge' }), /not used now: it sent a message of more than/);
  t.same(await servers.tools(grant('huge', '*')), [], 'its tools are not offered meanwhile');
});

t.test('tools that lie of their schema are left out', async (t) => {
  const servers = open({ lies: bad('lies') });
  const tools = await toolsOf(servers, 'lies');
  t.same(
    tools.map(({ name }) => name),
    ['lies_fine'],
  );
  const trouble = servers.trouble({ server: 'lies' }) ?? '';
  for (const said of [
    /fine \(there are two/,
    /text \(its arguments are no object/,
    /none \(/,
    /deep \(its schema has more than 12 levels/,
    /large \(/,
  ])
    t.match(trouble, said);
  t.match(await call(servers, 'lies', 'fine'), /what is no result of a tool/);
});

t.test('a server that hangs holds no turn for long, and is ended with what it started', async (t) => {
  const servers = open({ silent: bad('silent'), stubborn: bad('stubborn'), hangs: bad('hangs') });
  const begunMs = performance.now();
  t.same(await servers.tools(grant('silent', '*')), []);
  t.ok(performance.now() - begunMs < 4_000);
  t.match(servers.trouble({ server: 'silent' }), /it has not said yet which tools it has/);
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 300);
  t.match(await call(servers, 'hangs', 'act', {}, abort.signal), /^Failed: hangs: the turn ended$/);
  await toolsOf(servers, 'stubborn');
  t.ok(programs('stubborn') > 0);
  servers.stop();
  await until(() => programs('stubborn') === 0, 10_000);
  await until(() => programs('silent') === 0, 15_000);
});

function programs(how: string): number {
  const all = execFileSync('ps', ['-eo', 'args']).toString().split('\n');
  return all.filter((line) => line.endsWith(`bad-server.ts ${how}`)).length;
}

t.test('over HTTP: 30 MB, an answer without a result, another address, nobody there', async (t) => {
  const http = createServer((request, response) => {
    if (request.url === '/moved') return void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    if (request.url === '/empty') return void response.writeHead(200, { 'content-type': 'application/json' }).end();
    if (request.url === '/hang') return;
    response.writeHead(200, { 'content-type': request.url === '/events' ? 'text/event-stream' : 'application/json' });
    let left = 30;
    const more = () => {
      while (left > 0 && !response.destroyed) {
        left--;
        if (!response.write('x'.repeat(1024 * 1024))) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    http.closeAllConnections();
    http.close();
  });
  const base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const words: Record<string, RegExp> = {
    moved: /it leads to another address \(HTTP 302\), which is not followed/,
    empty: /it ended its answer without a result/,
    large: /it answered with more than 1048576 bytes/,
    events: /it (sent a message of|answered with) more than \d+ bytes/,
  };
  const servers = open({
    ...Object.fromEntries(Object.keys(words).map((path) => [path, { url: `${base}/${path}` }])),
    nobody: { url: 'http://127.0.0.1:9/mcp?key=secret' },
  });
  for (const [name, said] of Object.entries({ ...words, nobody: /nothing answers at http:\/\/127\.0\.0\.1:9$/ })) {
    t.same(await servers.tools(grant(name, '*')), []);
    t.match(servers.trouble({ server: name }), said);
  }
});

t.test('a file that is none is refused at the start, by the field and without a secret', (t) => {
  const at = (text: string, mode = 0o600) => {
    const path = join(folder, 'wrong.json');
    writeFileSync(path, text);
    chmodSync(path, mode);
    return () => mcpHere(path, { version: '1', env: {}, clock: systemClock, log: silentLog });
  };
  const file = (mcpServers: object) => at(JSON.stringify({ mcpServers }));
  t.throws(at('{'), /^--mcp-servers: .*: expected JSON/);
  t.throws(at('{}'), /mcpServers: expected an object of servers by name/);
  t.throws(at('{"mcpServers": {}}', 0o666), /not everybody may write/);
  t.throws(file({ Home: { url: 'http://x' } }), /mcpServers\.Home: expected a name of at most 32 characters/);
  t.throws(file({ home: { url: 'ftp://x' } }), /mcpServers\.home\.url: expected/);
  t.throws(file({ home: { command: 'npx', env: { A: 7 } } }), /mcpServers\.home\.env\.A: expected/);
  t.throws(file({ home: { command: 'npx', shell: true } }), /mcpServers\.home\.shell: expected/);
  t.throws(
    () => mcpHere(join(folder, 'none.json'), { version: '1', env: {}, clock: systemClock, log: silentLog }),
    /expected a file that can be read/,
  );
  t.equal(mcpHere('', { version: '1', env: {}, clock: systemClock, log: silentLog }), null);
  try {
    file({ home: { url: 'http://x', headers: { authorization: ['sk-secret'] } } })();
    t.fail('it is refused');
  } catch (error) {
    t.notMatch((error as Error).message, /sk-secret/);
  }
  t.end();
});

t.test('a server that faults again and again is left alone for longer', async (t) => {
  let aheadMs = 0;
  const waits: { ms: number; run: () => void }[] = [];
  const clock = {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
    after(ms: number, run: () => void) {
      // The pauses are run by hand.
      if ([5_000, 10_000, 30_000, 600_000].includes(ms)) waits.push({ ms, run });
      return systemClock.after(ms, run);
    },
  };
  const servers = open({ huge: bad('huge') }, clock);
  const pauses: number[] = [];
  for (let i = 0; i < 4; i++) {
    t.match(await call(servers, 'huge', 'act'), /more than 1048576 bytes/);
    const { ms, run } = waits.filter((wait) => wait.ms !== 10_000 || i === 1).at(-1) as (typeof waits)[number];
    pauses.push(ms);
    aheadMs += ms;
    run();
  }
  t.same(pauses, [5_000, 10_000, 600_000, 600_000]);
});

t.test('one that is not there is asked every half minute, so that a restart of it costs no more', async (t) => {
  for (const [status, longestMs] of [
    [503, 30_000],
    [404, 30_000],
    [400, 600_000],
  ] as const) {
    let aheadMs = 0;
    const timers: { ms: number; run: () => void }[] = [];
    const clock = {
      ...systemClock,
      monotonicMs: () => systemClock.monotonicMs() + aheadMs,
      after(ms: number, run: () => void) {
        timers.push({ ms, run });
        return systemClock.after(ms, run);
      },
    };
    const pauses: number[] = [];
    const log = {
      ...silentLog,
      warn(fields: object) {
        pauses.push((fields as { pauseMs: number }).pauseMs);
      },
    };
    const http = createServer((_, response) => void response.writeHead(status).end());
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    t.teardown(() => http.close());
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
    const servers = open({ away: { url } }, clock, log);
    t.same(await servers.tools(grant('away', '*')), []);
    t.match(servers.trouble({ server: 'away' }), new RegExp(`it answers HTTP ${status}`));
    for (let tries = 1; tries < 4; tries++) {
      await until(() => pauses.length === tries);
      // The pause is set after it is told, and is the last timer then.
      const { ms, run } = timers.at(-1) as (typeof timers)[number];
      t.equal(ms, pauses.at(-1));
      aheadMs += ms;
      run();
    }
    await until(() => pauses.length === 4);
    t.same(pauses, [5_000, 10_000, longestMs, longestMs], `HTTP ${status}`);
  }
});
