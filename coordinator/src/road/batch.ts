// The changes of one batch until it is stored. Every decision reads the results of the earlier ones; all other code reads the committed
// view, and is notified after the commit. [INV-only-committed] In: the changes of decisions, in order. Out: the changes to store, and then
// the changed view.

import { apply } from '../state/apply.ts';
import type { Change, DurableChange } from '../state/change.ts';
import { isDurable } from '../state/change-table.ts';
import { layerOn, writeThrough } from '../state/layer.ts';
import type { MutableView, View } from '../state/view.ts';

export class Batch {
  readonly durable: DurableChange[] = [];
  readonly #committed: MutableView;
  readonly #noted: (view: View, change: Change) => void;
  /** The changes since the first decision with a change to store. */
  readonly #made: Change[] = [];
  #layer: MutableView | null = null;
  /** The number of changes that are in the layer. */
  #layered = 0;

  /** `noted`: called for every change before it is applied, with the view at that time. */
  constructor(committed: MutableView, noted: (view: View, change: Change) => void) {
    this.#committed = committed;
    this.#noted = noted;
  }

  /** The view for the next decision. */
  decided(): View {
    if (this.#layered < this.#made.length) {
      this.#layer ??= layerOn(this.#committed);
      this.#makeRest(this.#layer);
    }
    return (this.#layer ?? this.#committed) as View;
  }

  /** Adds the changes of one decision. Perishable changes are applied at once, unless a decision before them waits for the store. */
  add(changes: readonly Change[]): void {
    this.durable.push(...changes.filter(isDurable));
    if (this.durable.length > 0) this.#made.push(...changes);
    else for (const change of changes) this.#make(this.#committed, change);
  }

  /** Applies the changes, after all of the batch is stored. */
  commit(): void {
    if (this.#layer) writeThrough(this.#layer, this.#committed);
    this.#makeRest(this.#committed);
  }
  /** Discards the batch, of which nothing is stored: only its perishable changes are applied, since reports of nodes stay true. */
  drop(): void {
    for (const change of this.#made) if (!isDurable(change)) this.#make(this.#committed, change);
  }

  #makeRest(view: MutableView): void {
    while (this.#layered < this.#made.length) this.#make(view, this.#made[this.#layered++] as Change);
  }
  #make(view: MutableView, change: Change): void {
    this.#noted(view as View, change);
    apply(view, change);
  }
}
