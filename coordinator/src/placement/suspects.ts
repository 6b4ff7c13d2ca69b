// Which agents may need a node: what is kept so that a plan looks at those that something happened to, and not at thirty thousand that
// are well. In: every change, before it is applied; out: their ids. Who is on it by mistake costs a look; the slow round looks at everyone,
// so that nobody is missed for long.
import type { Change } from '../change.ts';
import type { View } from '../view.ts';

export class Suspects {
  #agents = new Set<string>();
  /** Something changed for everyone. */
  #all = true;

  note(view: View, change: Change): void {
    switch (change.type) {
      case 'agent':
        this.#agents.add(change.row.id);
        return;
      case 'node': {
        const before = view.nodes.get(change.row.id);
        const { row } = change;
        const isSame =
          before?.presence === row.presence &&
          before.status === row.status &&
          before.draining === row.draining &&
          before.class === row.class &&
          before.site === row.site &&
          before.labels === row.labels;
        if (!isSame) this.#addNode(view, row.id);
        return;
      }
      case 'node-gone':
        this.#addNode(view, change.id);
        return;
      case 'capacity':
      case 'hello':
      case 'model-fault':
        this.#addNode(view, change.node);
        return;
      case 'frozen':
        // Who lost its model under the freeze may move now, and nothing else will say so.
        this.#all = true;
        return;
      default:
    }
  }
  #addNode(view: View, node: string): void {
    for (const agent of view.agentsByNode.get(node) ?? []) this.#agents.add(agent);
  }

  all(): void {
    this.#all = true;
  }
  /** Those to look at now; null: everyone. What comes from now on is for the next time. */
  take(): ReadonlySet<string> | null {
    const taken = this.#all ? null : this.#agents;
    this.#agents = new Set();
    this.#all = false;
    return taken;
  }
  /** To be looked at again. */
  keep(agents: Iterable<string>): void {
    for (const agent of agents) this.#agents.add(agent);
  }
}
