// The address of a vector store as a person gives it: what it means, and what is wrong with it, without the key.
import t from 'tap';
import { readConfig } from './config.ts';
import { vectorStoreOf } from './vector-settings.ts';
import { shownStore } from './vector-stores/shown-store.ts';

const key = { BLACKROAD_VECTORS_KEY: 'key-4711' };
const settingsOf = (argv: string[], env = {}) => vectorStoreOf(readConfig(argv, env));

t.test('each kind has its own address', async (t) => {
  t.equal(settingsOf([]), null);
  const user = ['--vectors-user', 'fleet'];
  t.same(settingsOf(['--vectors', 'postgres://db.lan/memories', ...user], key), {
    ...{ kind: 'pgvector', host: 'db.lan', port: 5432, database: 'memories', user: 'fleet', password: 'key-4711' },
    tls: 'prefer',
  });
  t.match(settingsOf(['--vectors', 'postgres+tls://[fd00::5]:6000/m', ...user]), {
    ...{ host: 'fd00::5', port: 6000, tls: 'verify', password: '' },
  });
  t.same(settingsOf(['--vectors', 'qdrant+http://box'], key), {
    ...{ kind: 'qdrant', origin: 'http://box:6333', key: 'key-4711' },
  });
  t.match(settingsOf(['--vectors', 'qdrant+https://q.example:443/']), { origin: 'https://q.example:443', key: '' });
  t.match(settingsOf(['--vectors', 'pinecone://m-abc.svc.aped.pinecone.io'], key), {
    origin: 'https://m-abc.svc.aped.pinecone.io',
  });
  t.match(settingsOf(['--vectors', 'pinecone+http://localhost:5081'], key), { origin: 'http://localhost:5081' });
});

t.test('what is wrong is said by option and expectation', async (t) => {
  const fault = (argv: string[], message: RegExp, env = {}) =>
    t.throws(() => settingsOf(argv, env), { name: 'OptionError', message });
  fault(['--vectors', 'redis://box'], /^--vectors: expected an address like postgres:.* got "redis:\/\/box"/);
  fault(
    ['--vectors', 'postgres://me:pw-1@box/m'],
    /^--vectors: expected an address without user name and password; give/,
  );
  fault(
    ['--vectors', 'postgres://box'],
    /^--vectors: expected the name of a database, such as postgres:.*:5432\/fleet/,
  );
  fault(['--vectors', 'postgres://box/m'], /^--vectors: expected --vectors-user with it/);
  fault(['--vectors', 'pinecone://box'], /^--vectors: expected --vectors-key-file or BLACKROAD_VECTORS_KEY with it/);
  fault(['--vectors', 'qdrant+http://box/sub'], /^--vectors: expected an address without a path/, key);
  fault(['--vectors', 'qdrant+http://box', '--vectors-user', 'x'], /^--vectors-user: expected it with postgres/);
  fault(['--vectors-user', 'x'], /^--vectors-user: expected --vectors with it/);
  fault([], /^--vectors-key-file: expected --vectors with it/, key);
});

t.test('neither user nor key is shown', async (t) => {
  for (const argv of [['postgres://db.lan/memories', '--vectors-user', 'fleet'], ['qdrant+https://box']]) {
    const settings = settingsOf(['--vectors', ...argv], key);
    t.notMatch(settings && shownStore(settings), /4711|fleet@/);
  }
});
