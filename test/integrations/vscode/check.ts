// The extension in a real VS Code: installed as a package, signed in, its view, its question, its MCP server, with and without the fleet's own CA. In:
// what was proven so far. Out: the same with its claims.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type ModelServer, startModelServer } from '../../fixtures/model-server.ts';
import { freePort } from '../../fixtures/ports.ts';
import { type Fleet, startFleet } from '../../fixtures/processes.ts';
import { ready } from '../../fixtures/steps.ts';
import { until } from '../../fixtures/until.ts';
import type { Proofs, Prove } from '../proofs.ts';
import { Editor } from './editor.ts';
import { codeServer, version, vscodeVersion, whyNotHere } from './install.ts';

interface Cast {
  editor: Editor;
  fleet: Fleet;
  model: ModelServer;
  key: string;
  prove: Prove;
}
const root = resolve(import.meta.dirname, '../../..');
const picture = join(root, 'docs/pictures/vscode.png');
const stories = { story, picture: takePicture };
/** What is drawn is there some seconds after it is so: the view looks every three. */
const drawnMs = 10_000;

export async function vscode(proofs: Proofs, say: (line: string) => void, only = 'story'): Promise<void> {
  const play = stories[(only || 'story') as keyof typeof stories];
  const why = whyNotHere();
  if (why !== null || play === undefined) {
    proofs.notRun(
      `VS Code of code-server ${version}`,
      why ?? `it has ${Object.keys(stories).join(' and ')}, not ${only}`,
    );
    return;
  }
  const ends: (() => unknown)[] = [];
  const teardown = (end: () => unknown) => ends.unshift(end);
  let prove = proofs.of(`VS Code of code-server ${version}`);
  let editor: Editor | null = null;
  try {
    const program = codeServer(say);
    prove = proofs.of(`VS Code ${vscodeVersion(program)}`);
    execFileSync('make', ['vscode'], { cwd: root, stdio: 'ignore' });
    const model = await startModelServer();
    teardown(() => model.close());
    const fleet = await startFleet({ teardown });
    await fleet.runNode('box', { extra: ['--openai', model.url] });
    await fleet.apply({ name: 'greeter', description: 'Greets whoever comes.' });
    await ready(fleet, 'greeter');
    const { key } = await fleet.client.call('keyCreate', { body: { name: 'editor', role: 'operator' } });
    const folder = mkdtempSync(join(tmpdir(), 'vscode-'));
    teardown(() => rmSync(folder, { recursive: true, force: true }));
    const opened = await Editor.open(program, folder, join(root, 'dist/blackroad-fleet.vsix'), await freePort());
    teardown(() => opened.close());
    editor = opened;
    await play({ editor: opened, fleet, model, key, prove });
  } catch (error) {
    await editor?.picture(join(root, '.integrations/vscode-failed.png')).catch(() => {});
    await prove('the story goes on to its end', 0, async () => (error as Error).stack ?? String(error));
  } finally {
    for (const end of ends) await end();
  }
}

/** Processes of the extension that carry lines of MCP. */
function bridges(): number {
  const all = execFileSync('ps', ['-eo', 'args']).toString().split('\n');
  return all.filter((line) => line.endsWith('/bridge.cjs')).length;
}

async function story(cast: Cast): Promise<void> {
  const { editor, fleet, key } = cast;
  const { url } = fleet.client;
  await editor.openView();
  await editor.press('Sign in');
  await editor.type('Address of the coordinator', url);
  await editor.type('Key:', 'brk_0123456789_no');
  await says(cast, 'a key that is none is refused in words', /API key is not known here/);
  await editor.pressInMessage('Try again');
  await editor.type('Address of the coordinator', url);
  await editor.type('Key:', key);
  await editor.showMessages();
  await says(cast, 'it is signed in', /Signed in to .* as editor \(operator\)/);
  await editor.forgetMessages();
  await shows(
    cast,
    'the view has nodes and agents, with their state in words',
    /box ?online: [\s\S]*greeter ?ready on box/,
  );
  await fleet.client.call('nodeEdit', { params: { node: 'box' }, body: { cordoned: true } });
  await shows(cast, 'a cordon shows there', /box ?online, cordoned: /);
  await fleet.stopCoordinator('SIGKILL');
  await shows(cast, 'the coordinator is away: said in words, with what was seen', /does not answer[\s\S]*box/);
  await fleet.startCoordinator();
  await shows(
    cast,
    'the coordinator is back: so is the view, by itself',
    /^(?![\s\S]*does not answer)[\s\S]*box ?online/,
    40_000,
  );
  await asking(cast);
  await mcpServer(cast, 'its MCP server starts, over HTTP', () => bridges() === 0);

  await editor.command('Fleet: Sign in');
  await editor.type('Address of the coordinator', `https://127.0.0.1:${fleet.tlsPort}`);
  await editor.type('Key:', key);
  await editor.choose('Fleet: Sign in', '', "Choose the fleet's ca.pem");
  await editor.file(join(fleet.folder, 'coordinator/ca.pem'));
  await editor.showMessages();
  await says(cast, "it is signed in over TLS, with the fleet's own CA", /Signed in to https:/);
  await editor.forgetMessages();
  await shows(cast, 'the view is the same over TLS', /box ?online/);
  await mcpServer(cast, 'its MCP server starts, by the process of the extension', () => bridges() === 1);
  await editor.command('Fleet: Sign out');
  await shows(cast, 'signed out: the view is empty', /^$/);
}

const shows = ({ editor, prove }: Cast, claim: string, what: RegExp, withinMs = drawnMs) =>
  prove(claim, withinMs, async () => {
    const tree = await editor.tree();
    return what.test(tree) || tree;
  });
async function says({ editor, prove }: Cast, claim: string, what: RegExp): Promise<void> {
  await prove(claim, drawnMs, async () => {
    const said = await editor.messages();
    return what.test(said) || said;
  });
}

async function asking({ editor, model, prove }: Cast): Promise<void> {
  await editor.command('Fleet: Ask an agent');
  await editor.choose('Fleet: Ask an agent', 'greeter', 'ready on box');
  await editor.type('What it is asked', 'slow 40 one two three');
  await prove('an agent is asked from the palette, and answers into the output', drawnMs, async () => {
    const said = await editor.output();
    return (
      /> greeter: slow 40 [\s\S]*You said: [\s\S]*slow 40 one two three[\s\S]*\[Answered on box after/.test(said) ||
      said
    );
  });
  const { left, open } = model;
  await editor.command('Fleet: Ask an agent');
  await editor.choose('Fleet: Ask an agent', 'greeter', 'ready on box');
  await editor.type('What it is asked', 'hang');
  await until(() => model.open > open);
  await editor.pressInMessage('Cancel');
  await prove('Cancel reaches the model server', 1_000, async () => model.left > left || 'it works on');
}

/** `isRunning`: whether it is the kind of server that is meant. */
async function mcpServer({ editor, prove }: Cast, claim: string, isRunning: () => boolean): Promise<void> {
  await editor.clearOutput();
  await editor.command('MCP: List Servers');
  await editor.choose('Add Server', 'BlackRoad', 'BlackRoad Fleet');
  await editor.choose('Show Output', 'Start', 'Start Server');
  await prove(claim, 20_000, async () => {
    const said = await editor.output();
    return (/Discovered 7 tools/.test(said) && isRunning()) || said || 'it says nothing';
  });
}

/** For docs/mcp.md; proves nothing. */
async function takePicture({ editor, fleet, key, prove }: Cast): Promise<void> {
  const onPis = { class: ['pi'], site: [], labels: {}, nodes: [], avoidAgents: [] };
  await fleet.simulate('house', { nodes: 5, profile: 'home' });
  await fleet.apply({ name: 'gardener', description: 'Knows the garden.', placement: onPis });
  await fleet.apply({ name: 'lonely', model: ['a-model-nobody-has'] });
  await ready(fleet, 'gardener');
  await editor.openView();
  await editor.press('Sign in');
  await editor.type('Address of the coordinator', fleet.client.url);
  await editor.type('Key:', key);
  await prove('the nodes are there', 60_000, async () => {
    const tree = await editor.tree();
    return /6 of 6 online/.test(tree) || tree;
  });
  await editor.command('Fleet: Ask an agent');
  await editor.choose('Fleet: Ask an agent', 'gardener', 'ready on');
  await editor.type('What it is asked', 'Do the tomatoes need water today?');
  await prove('the answer is there', 20_000, async () => /Answered on/.test(await editor.output()));
  await editor.forgetMessages();
  await editor.picture(picture);
}
