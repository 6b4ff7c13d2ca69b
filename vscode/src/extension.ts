// What the editor starts: the place of the fleet out of the secret storage, the tree, the commands, the MCP server. In: the editor. Out: what it
// registers there.
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import * as vscode from 'vscode';
import { type Client, createClient, harmlessClient } from '../../coordinator/cli/src/client.ts';
import type { FleetPlace } from '../../coordinator/cli/src/find-fleet.ts';
import { askCommand } from './editor/ask-command.ts';
import { FleetTree } from './editor/fleet-tree.ts';
import { FleetMcp } from './editor/mcp-server.ts';
import { signIn } from './editor/sign-in.ts';
import { keptPlace, placeOf } from './fleet/place.ts';
import type { Row } from './fleet/rows.ts';
import { FleetWatch } from './fleet/watch.ts';

const secret = 'blackroadFleet.place';

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const { secrets, subscriptions } = context;
  const clock = systemClock;
  let place: FleetPlace | null = null;
  let client: Client | null = null;
  const watch = new FleetWatch({ clock, random: systemRandom, onChange: (state) => tree.show(state) });
  const tree = new FleetTree(clock);
  const mcp = new FleetMcp(context, () => place);
  const output = vscode.window.createOutputChannel('BlackRoad Fleet');

  const use = async (next: FleetPlace | null) => {
    place = next;
    // Names and answers are foreign text.
    client = next === null ? null : harmlessClient(createClient(next));
    await vscode.commands.executeCommand('setContext', 'blackroadFleet.signedIn', next !== null);
    watch.use(client);
    mcp.changed();
  };
  const enter = async () => {
    const found = await signIn(place);
    if (found !== null) await secrets.store(secret, keptPlace(found));
  };
  const view = vscode.window.createTreeView('blackroadFleet.tree', { treeDataProvider: tree });
  /** A command of the tree is given its row. */
  const command = (name: string, run: (row?: Row) => unknown) =>
    vscode.commands.registerCommand(`blackroadFleet.${name}`, run);
  subscriptions.push(
    output,
    view,
    view.onDidChangeVisibility(({ visible }) => watch.show(visible)),
    // Other windows of the editor sign in and out as well.
    secrets.onDidChange(async ({ key }) => {
      if (key === secret) await use(placeOf(await secrets.get(secret)));
    }),
    vscode.lm.registerMcpServerDefinitionProvider('blackroadFleet.mcp', mcp),
    command('signIn', enter),
    command('signOut', () => secrets.delete(secret)),
    command('refresh', () => watch.refresh()),
    command('ask', async (row) => {
      if (client === null) await enter();
      if (client !== null) await askCommand({ client, clock, output, state: watch.state, agent: row?.label ?? null });
    }),
    { dispose: () => watch.stop() },
  );
  watch.show(view.visible);
  await use(placeOf(await secrets.get(secret)));
}
