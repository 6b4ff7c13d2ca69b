// The extension for VS Code, bundled as it is packaged, at a real coordinator and a real node-agent: sign-in, tree, question, MCP server. The editor
// is a stand-in; what the extension registers is held against its manifest.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { compileFunction } from 'node:vm';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import t from 'tap';
import { bundleExtension } from '../../vscode/bundling.ts';
import { startModelServer } from '../fixtures/model-server.ts';
import { startFleet, until } from '../fixtures/processes.ts';
import { ready } from '../fixtures/steps.ts';
import * as standIn from '../fixtures/vscode/stand-in.ts';

t.setTimeout(180_000);
const { contextOf, McpHttpServerDefinition, McpStdioServerDefinition, person } = standIn;

/** As the editor loads it, which is CommonJS, with the stand-in where it asks for the editor. */
function load(path: string): { activate(context: object): Promise<void> } {
  const module = { exports: {} };
  const own = createRequire(path);
  const parameters = ['module', 'exports', 'require', '__filename', '__dirname'];
  const run = compileFunction(readFileSync(path, 'utf8'), parameters, { filename: path });
  run(module, module.exports, (name: string) => (name === 'vscode' ? standIn : own(name)), path, dirname(path));
  return module.exports as { activate(context: object): Promise<void> };
}

/** What the person sees of the tree: a line a row, without its colours. */
function tree(): string[] {
  const provider = person.trees.get('blackroadFleet.tree');
  const lines = (row: unknown, depth: number): string[] => {
    const { label, description } = provider?.getTreeItem(row) ?? { label: '', description: '' };
    const below = provider?.getChildren(row).flatMap((each) => lines(each, depth + 1)) ?? [];
    return [`${'  '.repeat(depth)}${label} | ${description}`, ...below];
  };
  return provider?.getChildren().flatMap((row) => lines(row, 0)) ?? [];
}
const shows = (words: RegExp, deadlineMs = 30_000) =>
  until(
    `the tree shows ${words}`,
    async () => {
      const text = tree().join('\n');
      if (words.test(text)) return text;
      throw new Error(text);
    },
    deadlineMs,
  );
const mcpServers = () => person.mcp.get('blackroadFleet.mcp')?.provideMcpServerDefinitions() ?? [];
const resolved = (server: unknown) => person.mcp.get('blackroadFleet.mcp')?.resolveMcpServerDefinition(server);

t.test('the extension at a fleet', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vscode-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const extension = join(folder, 'extension');
  await bundleExtension(extension);
  const manifest = JSON.parse(readFileSync(join(extension, 'package.json'), 'utf8'));

  const model = await startModelServer();
  t.teardown(() => model.close());
  const fleet = await startFleet(t);
  await fleet.runNode('box', { extra: ['--openai', model.url] });
  await fleet.apply({ name: 'greeter', description: 'Greets.' });
  await ready(fleet, 'greeter');
  const { key, id } = await fleet.client.call('keyCreate', { body: { name: 'editor', role: 'operator' } });

  const { activate } = load(join(extension, manifest.main));
  const context = contextOf(extension, manifest);
  await activate(context);
  t.teardown(() => {
    for (const each of context.subscriptions) each.dispose();
  });

  t.test('what it registers is what its manifest says', async (t) => {
    const { commands, views, mcpServerDefinitionProviders } = manifest.contributes;
    t.same(person.commands(), commands.map(({ command }: { command: string }) => command).sort());
    t.ok(person.trees.has(views.blackroadFleet[0].id));
    t.ok(person.mcp.has(mcpServerDefinitionProviders[0].id));
    t.equal(person.contexts['blackroadFleet.signedIn'], false);
    t.same(tree(), []);
    t.same(mcpServers(), []);
  });

  t.test('signing in: what is wrong is said in words', async (t) => {
    const unused = 'http://127.0.0.1:9';
    person.answers = [
      ...['http://pi.lan:8400', unused, 'sk-1', key, 'Try again'],
      ...[fleet.client.url, 'brk_0123456789_no', 'Try again'],
      ...[fleet.client.url, key],
    ];
    await person.run('blackroadFleet.signIn');
    t.same(person.answers, []);
    t.match(person.refused, [
      /^Address: expected https:\/\/ for another machine/,
      /^Key: expected what fleet keys create/,
    ]);
    t.match(person.seen.join('\n'), /http:\/\/127\.0\.0\.1:9 does not answer/);
    t.match(person.seen.join('\n'), /API key is not known here, .*\. Fleet: Sign in takes another key\./);
    t.match(person.seen.at(-1), /^Signed in to http:\/\/127\.0\.0\.1:\d+ as editor \(operator\)\.$/);
    await until('the editor knows', async () => person.contexts['blackroadFleet.signedIn'] === true);
  });

  t.test('the tree, through a restart of the coordinator', async (t) => {
    t.match(
      await shows(/greeter/),
      /^Nodes \| 1 of 1 online\n {2}box \| online: .*\nAgents \| 1 of 1 ready\n {2}greeter \| ready on box/,
    );
    await fleet.stopCoordinator('SIGKILL');
    t.match(await shows(/does not answer/), /What is below was so .* It is tried again by itself\.\nNodes/);
    await fleet.startCoordinator();
    await shows(/^Nodes \| 1 of 1 online/);
    await fleet.client.call('nodeEdit', { params: { node: 'box' }, body: { cordoned: true } });
    await shows(/box \| online, cordoned: /);
  });

  t.test('asking', async (t) => {
    person.answers = ['greeter', '', 'slow 40 one two three'];
    await person.run('blackroadFleet.ask');
    t.match(
      person.output,
      /> greeter: slow 40 one two three\n\nYou said: [\s\S]*slow 40 one two three\n\n\[Answered on box after [\d.]+ s\.\]\n$/,
    );
    t.equal(person.refused.at(-1), 'Expected a question.');

    const { left, open } = model;
    person.answers = ['hang'];
    const hanging = person.run('blackroadFleet.ask', { label: 'greeter' }) as Promise<void>;
    await until('the model works on it', async () => model.open > open);
    person.cancel.fire();
    await until('the model server notices', async () => model.left > left, 2_000);
    await hanging;
    t.match(person.output, /> greeter: hang\n\n\n\n\[.*cancelled.*\]\n$/i);

    person.answers = ['nobody there'];
    await person.run('blackroadFleet.ask', { label: 'stranger' });
    t.match(person.seen.at(-1), /^stranger: .*no agent/i);
  });

  t.test('the MCP server over HTTP: the key comes when it starts', async (t) => {
    const [server] = mcpServers();
    t.ok(server instanceof McpHttpServerDefinition);
    t.notMatch(JSON.stringify(server), key);
    const { uri, headers } = resolved(server) as standIn.McpHttpServerDefinition;
    const client = new Client({ name: 'editor', version: '1.0.0' });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(uri.toString()), { requestInit: { headers } }) as never,
    );
    t.equal((await client.listTools()).tools.length, 7);
    await client.close();
  });

  t.test('over TLS with the fleet’s own CA', async (t) => {
    const ca = join(folder, 'ca.pem');
    const other = join(folder, 'other.pem');
    writeFileSync(ca, fleet.ca);
    writeFileSync(other, 'hello');
    const address = `https://127.0.0.1:${fleet.tlsPort}`;
    const fromFile = "Choose the fleet's ca.pem";
    person.seen = [];
    person.answers = [
      ...[address, key, 'This machine trusts its certificate already', 'Try again'],
      ...[address, key, fromFile, other, 'Try again', ca],
    ];
    await person.run('blackroadFleet.signIn');
    t.same(person.answers, []);
    t.match(person.seen.join('\n'), /signed by the fleet's own CA: sign in again, and choose its file ca\.pem/);
    t.match(person.seen.join('\n'), /CA: expected the file ca\.pem/);
    t.match(person.seen.at(-1), /^Signed in to https:/);
    await until('the editor has another server', async () => mcpServers()[0] instanceof McpStdioServerDefinition);
    await shows(/box \| online/);
    const [server] = mcpServers();
    t.notMatch(JSON.stringify(server), key);
    const { command, args, env } = resolved(server) as standIn.McpStdioServerDefinition;
    const client = new Client({ name: 'editor', version: '1.0.0' });
    await client.connect(new StdioClientTransport({ command, args, env, stderr: 'pipe' }));
    const { structuredContent } = await client.callTool({ name: 'list_nodes', arguments: {} });
    t.match(structuredContent, { nodes: [{ node: 'box', presence: 'online' }] });
    await client.close();
  });

  t.test('a key that was revoked, and signing out', async (t) => {
    await fleet.client.call('keyRevoke', { params: { id } });
    t.match(await shows(/Fleet: Sign in takes another key/), /What is below was so/);
    await person.run('blackroadFleet.signOut');
    await until('the tree is empty', async () => tree().length === 0);
    t.same(mcpServers(), []);
    t.equal(person.contexts['blackroadFleet.signedIn'], false);
  });
});
