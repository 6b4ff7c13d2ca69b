// The tree of nodes and agents in the editor. In: states. Out: rows as the editor draws them.
import type { Clock } from '@blackroad/std/clock';
import * as vscode from 'vscode';
import { type Row, rowsOf } from '../fleet/rows.ts';
import type { FleetState } from '../fleet/watch.ts';

/** Icons and colours are the editor's own. */
const icons: Record<Row['kind'], string> = {
  nodes: 'server-environment',
  agents: 'organization',
  node: 'server',
  agent: 'hubot',
  note: 'info',
};
const colours: Record<Row['tone'], string | null> = {
  good: 'charts.green',
  care: 'charts.yellow',
  bad: 'charts.red',
  none: null,
};

export class FleetTree implements vscode.TreeDataProvider<Row> {
  readonly #clock: Clock;
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  #rows: readonly Row[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  show(state: FleetState): void {
    const rows = rowsOf(state, this.#clock.nowMs());
    // What is drawn anew loses the row that a person points at.
    if (JSON.stringify(rows) === JSON.stringify(this.#rows)) return;
    this.#rows = rows;
    this.#changed.fire(undefined);
  }

  getChildren(row?: Row): Row[] {
    return [...(row === undefined ? this.#rows : row.rows)];
  }
  getTreeItem({ kind, id, label, words, more, tone }: Row): vscode.TreeItem {
    const isGroup = kind === 'nodes' || kind === 'agents';
    const item = new vscode.TreeItem(
      label,
      isGroup ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.None,
    );
    const colour = colours[tone];
    item.id = id;
    item.description = words;
    item.tooltip = more || label;
    item.contextValue = kind;
    item.iconPath = new vscode.ThemeIcon(icons[kind], colour === null ? undefined : new vscode.ThemeColor(colour));
    return item;
  }
}
