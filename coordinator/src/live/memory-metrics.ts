// Metrics of the memories: their checkpoints and erasures, and the vectors by which they are found by meaning.
import type { VectorStoreStand } from '@blackroad/protocol';
import { Counter, Gauge } from 'prom-client';
import type { FleetVectors } from '../drivers/fleet-vectors.ts';
import type { Embedder } from '../embedder/embedder.ts';
import type { Checkpoints } from '../proofs/checkpoints.ts';
import type { View } from '../state/view.ts';
import type { Read } from './metric-read.ts';

export function readCheckpoints(
  read: Read,
  view: View,
  { faults, figures }: Pick<Checkpoints, 'faults' | 'figures'>,
): void {
  read(Gauge, 'memory_checkpoint', 'The number of the newest signed checkpoint of the memories.', [], (set) =>
    set({}, view.checkpoint?.number ?? 0),
  );
  read(Gauge, 'memory_checkpoint_seconds', 'When it was signed, seconds since 1970; 0: there is none.', [], (set) =>
    set({}, (view.checkpoint?.atMs ?? 0) / 1000),
  );
  read(
    Gauge,
    'memory_entries',
    'Entries of memories, and those of them under a signed checkpoint.',
    ['state'],
    (set) => {
      for (const { entries } of view.heads.values()) set({ state: 'stored' }, entries);
      set({ state: 'anchored' }, view.checkpoint?.entries ?? 0);
    },
  );
  read(Gauge, 'memory_faults', 'Logs of memories that did not verify when they were last looked at.', [], (set) =>
    set({}, faults.size),
  );
  read(Gauge, 'memory_erasures', 'Erasures of memories.', [], (set) => set({}, view.erasures.size));
  read(Gauge, 'memory_erasures_owed', 'Erasures that a node has not confirmed, each node counted.', [], (set) => {
    for (const [node, ids] of view.erasuresOwed) if (view.nodes.has(node)) set({}, ids.size);
  });
  read(Counter, 'memory_verified_total', 'Entries of memories that were recomputed.', [], (set) =>
    set({}, figures.verifiedEntries),
  );
}

export function readVectors(
  read: Read,
  vectors: Pick<FleetVectors, 'stand'>,
  embedder: Pick<Embedder, 'figures' | 'isRunning' | 'problem'> | null,
): void {
  read(Gauge, 'memory_vectors_left', "Memories not looked at yet for a vector of the fleet's model.", [], (set) => {
    const { memories, looked } = vectors.stand();
    set({}, memories - looked);
  });
  read(Counter, 'memory_vectors_made_total', 'Vectors that were made for memories without one.', [], (set) =>
    set({}, vectors.stand().made),
  );
  if (!embedder) return;
  read(Gauge, 'embedder_running', "1 while the process of the coordinator's own embedder lives.", [], (set) =>
    set({}, embedder.isRunning ? 1 : 0),
  );
  read(Gauge, 'embedder_failed', '1 while it cannot make vectors.', [], (set) =>
    set({}, embedder.problem === null ? 0 : 1),
  );
  read(Counter, 'embedder_texts_total', 'Texts that it made vectors of.', [], (set) => set({}, embedder.figures.texts));
  read(Counter, 'embedder_failures_total', 'Orders to it that failed or came too late.', [], (set) =>
    set({}, embedder.figures.failures),
  );
}

export function readVectorStore(read: Read, stand: () => VectorStoreStand | null): void {
  read(Gauge, 'vector_store', 'The state of the vector store on another machine.', ['state'], (set) => {
    for (const state of ['following', 'filling', 'away', 'refused']) set({ state }, stand()?.state === state ? 1 : 0);
  });
  const figures = {
    waiting: 'Vectors that are still to be written to the vector store, or removed there.',
    owed: 'Erased memories whose vectors the vector store has not confirmed to have removed.',
  };
  for (const [key, help] of Object.entries(figures) as ['waiting' | 'owed', string][])
    read(Gauge, `vector_store_${key}`, help, [], (set) => set({}, stand()?.[key] ?? 0));
  const help = 'Searches by meaning that the vector store gave nothing for in time.';
  read(Counter, 'vector_store_without_total', help, [], (set) => set({}, stand()?.without ?? 0));
}
