// The vector stores that there are. In: a kind, an address and a key. Out: the store, not contacted yet.
import { isLoopbackAddress } from '@blackroad/std/address';
import type { Log } from '@blackroad/std/log';
import { shownStore, type VectorStoreSettings } from './shown-store.ts';
import type { VectorStore } from './vector-store.ts';

export async function openVectorStore(settings: VectorStoreSettings, log: Log): Promise<VectorStore> {
  const shown = shownStore(settings);
  // Each is loaded by the coordinators that use it alone.
  if (settings.kind === 'pgvector') return (await import('./pgvector.ts')).openPgvector(settings, shown);
  const { origin, key } = settings;
  const { protocol, hostname } = new URL(origin);
  if (
    key !== '' &&
    protocol === 'http:' &&
    !isLoopbackAddress(hostname.replace(/^\[|\]$/g, '')) &&
    hostname !== 'localhost'
  )
    log.warn({ origin }, 'the key of the vector store goes over the network unencrypted: use https');
  if (settings.kind === 'qdrant') return (await import('./qdrant.ts')).openQdrant({ ...settings, shown });
  return (await import('./pinecone.ts')).openPinecone({ ...settings, shown });
}
