// What a vector store is and where, as people see it: without user, password and key. In: its settings. Out: a few words.
import type { PostgresAddress } from './postgres-calls.ts';

export type VectorStoreSettings =
  | ({ kind: 'pgvector' } & PostgresAddress)
  | { kind: 'qdrant' | 'pinecone'; origin: string; key: string };

export function shownStore(settings: VectorStoreSettings): string {
  if (settings.kind !== 'pgvector')
    return `${{ qdrant: 'Qdrant', pinecone: 'Pinecone' }[settings.kind]} at ${settings.origin}`;
  const { host, port, database } = settings;
  return `pgvector at ${host.includes(':') ? `[${host}]` : host}:${port}/${database}`;
}
