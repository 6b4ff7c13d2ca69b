// What this node is and what it can carry: its inventory and its capacity, each kept by the transport and sent again when it has changed. In:
// the probes, the models and notes for people. Out: kept messages. Nothing is sent that says no more than the message before.
import type { NodeCapacity, NodeInfo, OsUpdates } from '@blackroad/protocol';
import type { NodeBoard } from '../gpio/node-board.ts';
import type { ModelPool } from '../models/model-pool.ts';
import type { Probes } from '../probes/probes.ts';
import type { Transport } from '../transport/transport.ts';
import { isCapacityNews } from './capacity-news.ts';

interface InventoryParts {
  node: string;
  boot: string;
  /** The class; it may be detected after the start. */
  class: () => string;
  simulated: boolean;
  hasLed: boolean;
  version: string;
  /** Null: this node takes no updates. */
  updates: { isReady(): Promise<boolean> } | null;
  /** Null: its operating system takes no updates from the coordinator. */
  osUpdates: { stand(): OsUpdates } | null;
  balenaDevice: string | undefined;
  /** Plain words on what is missing on this machine. */
  notes: () => string[];
  /** Null: it has no pins. */
  board: Pick<NodeBoard, 'granted' | 'facts' | 'label'> | null;
  probes: Pick<Probes, 'inventory'>;
  pool: Pick<ModelPool, 'labels' | 'capacity'>;
  transport: Pick<Transport, 'keep'>;
  /** The node stops. */
  stopped: AbortSignal;
}

export class Inventory {
  readonly #parts: InventoryParts;
  #capacity: NodeCapacity | null = null;
  /** The inventory that was sent last, as JSON. */
  #info = '';
  /** The part of it that changes by itself. */
  #told = '';

  constructor(parts: InventoryParts) {
    this.#parts = parts;
  }

  async tellInfo(): Promise<void> {
    const {
      node,
      boot,
      probes,
      simulated,
      hasLed: led,
      version,
      updates,
      osUpdates,
      balenaDevice,
      transport,
      stopped,
    } = this.#parts;
    const words = this.#words();
    this.#told = JSON.stringify(words);
    const info: NodeInfo = {
      ...(await probes.inventory()),
      class: this.#parts.class(),
      boot,
      ...words,
      led,
      version,
      ...((await updates?.isReady()) ? { updates: true as const } : {}),
      ...(osUpdates ? { osUpdates: osUpdates.stand() } : {}),
      ...(balenaDevice === undefined ? {} : { balenaDevice }),
      simulated,
    };
    const told = JSON.stringify(info);
    if (stopped.aborted || told === this.#info) return;
    this.#info = told;
    transport.keep('nodeInfo', { node }, info);
  }

  /** Sends the inventory again when the part that changes by itself differs from the one last sent. */
  async tellNews(): Promise<void> {
    if (JSON.stringify(this.#words()) !== this.#told) await this.tellInfo();
  }

  /** Each where it differs from what was sent last. */
  tellBoth(): void {
    this.tellCapacity();
    void this.tellNews();
  }
  tellCapacity(): void {
    const { node, boot, pool, board, transport } = this.#parts;
    const capacity = { ...pool.capacity(boot), ...(board ? { board: board.granted() } : {}) };
    if (this.#capacity && !isCapacityNews(this.#capacity, capacity)) return;
    this.#capacity = capacity;
    transport.keep('nodeCapacity', { node }, capacity);
  }

  /** Sends the capacity that was sent last once more. */
  repeatCapacity(): void {
    const { node, transport } = this.#parts;
    if (this.#capacity) transport.keep('nodeCapacity', { node }, this.#capacity);
  }

  /** The part of the inventory that changes by itself. */
  #words(): Pick<NodeInfo, 'runtimes' | 'notes' | 'pins' | 'pinsBy'> {
    const { pool, notes, board } = this.#parts;
    const cut = (texts: string[], most: number, length: number) =>
      texts.slice(0, most).map((text) => text.slice(0, length));
    const pins = board?.facts() ?? [];
    return {
      runtimes: cut(pool.labels(), 16, 200),
      notes: cut(notes(), 32, 500),
      ...(board && pins.length > 0 ? { pins, pinsBy: board.label.slice(0, 100) } : {}),
    };
  }
}
