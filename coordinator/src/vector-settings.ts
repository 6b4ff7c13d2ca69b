// The options of a vector store on another machine, and what they mean.
import { OptionError, type Values } from '@blackroad/std/options';
import type { VectorStoreSettings } from './vector-stores/shown-store.ts';

const schemes = ['postgres', 'postgres+tls', 'qdrant+https', 'qdrant+http', 'pinecone', 'pinecone+http'] as const;

export const vectorOptions = {
  vectors: {
    type: 'url',
    form: { schemes },
    credentials: '--vectors-user, and BLACKROAD_VECTORS_KEY or --vectors-key-file',
    flag: 'vectors',
    env: 'BLACKROAD_VECTORS',
    default: '',
    text: 'Vector store that finds memories by meaning: postgres://host:5432/database (pgvector; postgres+tls checks the certificate), qdrant+https://host:6333, or pinecone://host-of-the-index (docs/memory.md). Empty: the index of the coordinator itself.',
  },
  vectorsUser: {
    type: 'text',
    flag: 'vectors-user',
    env: 'BLACKROAD_VECTORS_USER',
    default: '',
    text: 'User name of the coordinator at a PostgreSQL with its vectors.',
  },
  vectorsKey: {
    type: 'secret',
    flag: 'vectors-key-file',
    env: 'BLACKROAD_VECTORS_KEY',
    default: '',
    text: 'Password of that user, or API key of Qdrant or Pinecone.',
  },
} as const;

const postgresPort = 5432;
const qdrantPort = 6333;
/** Letters that need no quotes anywhere; PostgreSQL allows 63. */
const databaseName = /^\/[^/]{1,63}$/;

/** Null: the embedded index. @throws OptionError */
export function vectorStoreOf({
  vectors,
  vectorsUser: user,
  vectorsKey: key,
}: Values<typeof vectorOptions>): VectorStoreSettings | null {
  if (vectors === '') {
    if (user !== '') throw new OptionError('--vectors-user: expected --vectors with it, the database that it is for.');
    if (key !== '') throw new OptionError('--vectors-key-file: expected --vectors with it, the store that it is for.');
    return null;
  }
  const [scheme = '', rest = ''] = vectors.split('://');
  // Schemes that the platform does not know have no host in its URLs.
  const { hostname, port, pathname } = new URL(`http://${rest}`);
  if (scheme.startsWith('postgres')) {
    if (!databaseName.test(pathname))
      throw new OptionError(
        `--vectors: expected the name of a database, such as ${scheme}://${hostname}:${port || postgresPort}/fleet, got ${vectors}.`,
      );
    if (user === '') throw new OptionError('--vectors: expected --vectors-user with it, the user of the database.');
    return {
      kind: 'pgvector',
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(port || postgresPort),
      database: decodeURIComponent(pathname.slice(1)),
      ...{ user, password: key, tls: scheme === 'postgres+tls' ? 'verify' : 'prefer' },
    };
  }
  const [kind, transport = 'https'] = scheme.split('+') as ['qdrant' | 'pinecone', string | undefined];
  if (pathname !== '/') throw new OptionError(`--vectors: expected an address without a path, got ${vectors}.`);
  if (user !== '') throw new OptionError(`--vectors-user: expected it with postgres:// alone, got ${vectors}.`);
  if (kind === 'pinecone' && key === '')
    throw new OptionError(
      '--vectors: expected --vectors-key-file or BLACKROAD_VECTORS_KEY with it, the key of Pinecone.',
    );
  const at = kind === 'qdrant' && port === '' ? `:${qdrantPort}` : port === '' ? '' : `:${port}`;
  return { kind, origin: `${transport}://${hostname}${at}`, key };
}
