// The fleet's MCP server, as the editor's assistant finds it. In: the place of the fleet. Out: over HTTP, or where the fleet's own CA is to be
// trusted, a process that carries the lines. The key is added when the server starts, and stands in no list.
import * as vscode from 'vscode';
import type { FleetPlace } from '../../../coordinator/cli/src/find-fleet.ts';

const label = 'BlackRoad Fleet';

export class FleetMcp implements vscode.McpServerDefinitionProvider {
  readonly #bridge: string;
  readonly #version: string;
  readonly #place: () => FleetPlace | null;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeMcpServerDefinitions = this.#changed.event;

  constructor(context: vscode.ExtensionContext, place: () => FleetPlace | null) {
    this.#bridge = context.asAbsolutePath('bridge.cjs');
    this.#version = (context.extension.packageJSON as { version: string }).version;
    this.#place = place;
  }

  /** Somebody signed in or out. */
  changed(): void {
    this.#changed.fire();
  }

  provideMcpServerDefinitions(): vscode.McpServerDefinition[] {
    const place = this.#place();
    if (place === null) return [];
    if (place.ca === null)
      return [new vscode.McpHttpServerDefinition(label, vscode.Uri.parse(`${place.url}/mcp`), {}, this.#version)];
    // The editor's own program is a Node where it is told so.
    const env = { ELECTRON_RUN_AS_NODE: '1' };
    return [new vscode.McpStdioServerDefinition(label, process.execPath, [this.#bridge], env, this.#version)];
  }
  resolveMcpServerDefinition(server: vscode.McpServerDefinition): vscode.McpServerDefinition | undefined {
    const place = this.#place();
    if (place === null) return undefined;
    const { url, key, ca } = place;
    if (server instanceof vscode.McpHttpServerDefinition) server.headers = { Authorization: `Bearer ${key}` };
    else
      server.env = {
        ...server.env,
        ...{ BLACKROAD_COORDINATOR: url, BLACKROAD_KEY: key, BLACKROAD_CA_PEM: ca ?? '' },
      };
    return server;
  }
}
