// pgvector in a real PostgreSQL: the suite of all vector stores, and what is its own. Not run where there is none (`make stores-check` has one).
import { silentLog } from '@blackroad/std/log';
import pg from 'pg';
import t from 'tap';
import { suiteDimension, vectorConformance } from '../../../test/conformance/vectors.ts';
import { storeFiles } from '../../../test/fixtures/coordinator/store-files.ts';
import { vectorSet } from '../../../test/fixtures/coordinator/vectors.ts';
import { cutProxy } from '../../../test/fixtures/cut-proxy.ts';
import { until } from '../../../test/fixtures/until.ts';
import { postgres } from '../../../test/fixtures/vector-stores/postgres.ts';
import { openVectorStore } from './open-vector-store.ts';
import { openPgvector } from './pgvector.ts';

const files = storeFiles(t);
const server = await postgres();

if (server === null) t.pass('not run: no PostgreSQL with pgvector (make stores-check)');
else {
  const { address } = server;
  const proxy = await cutProxy(address.port);
  const asked = async (text: string) => {
    const { host, port, database, user, password } = address;
    const client = new pg.Client({ host, port, database, user, password });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  };
  t.teardown(async () => {
    await proxy.close();
    await server.close();
  });
  const direct = { kind: 'pgvector', ...address } as const;
  await vectorConformance(
    t,
    {
      name: 'pgvector',
      remote: {
        settings: { ...direct, port: proxy.port },
        proxy,
        direct,
        odd: [],
        async retype({ name }, dimension) {
          await asked(`DROP TABLE ${name}`);
          await asked(
            `CREATE TABLE ${name} (id bigint PRIMARY KEY, agent text NOT NULL, kind text NOT NULL, vector halfvec(${dimension}) NOT NULL)`,
          );
        },
      },
    },
    files,
  );

  t.test('what a person has to mend is said in a sentence, without the password', async (t) => {
    const wrong = [
      [{ password: 'not-this-one' }, /password authentication failed/],
      [{ database: 'nowhere' }, /database "nowhere" does not exist/],
      [{ tls: 'verify' }, /does not support SSL/],
    ] as const;
    for (const [over, said] of wrong) {
      const store = await openVectorStore({ ...direct, ...over }, silentLog);
      const error = await store.places('x').then(
        () => new Error('none'),
        (error: Error) => error,
      );
      t.match(error.message, said);
      t.notMatch(`${error.message} ${error.cause}`, /not-this-one|postgres-test-secret/);
      await store.close();
    }
  });

  t.test('a place with many rows has a graph, which takes the place of one that was interrupted', async (t) => {
    const store = openPgvector(address, 'pgvector', 500);
    const place = { name: 'blackroad_test_2', dimension: suiteDimension };
    await store.open(place);
    const set = vectorSet('clustered', suiteDimension, 3);
    const vectors = Array.from({ length: 1_000 }, (_, i) => {
      const vector = new Float32Array(suiteDimension);
      set.next(vector);
      return { id: i + 1, agent: `agent-${i % 3}`, kind: 'turn', vector };
    });
    await store.put(place, vectors);
    await asked(`CREATE INDEX ${place.name}_graph_new ON ${place.name} (kind)`);
    await asked(`ANALYZE ${place.name}`);
    const has = async () => (await asked(`SELECT to_regclass('${place.name}_graph') AS graph`))[0]?.graph !== null;
    await until(async () => {
      await store.noted(place);
      return has();
    });
    for (const at of [0, 500, 999]) {
      const { id, vector } = vectors[at] as (typeof vectors)[number];
      t.equal((await store.near(place, vector, {}, 10))[0], id);
      t.equal((await store.near(place, vector, { kind: 'turn' }, 10))[0], id);
      t.equal((await store.near(place, vector, { agent: `agent-${at % 3}`, kind: 'turn' }, 10))[0], id);
    }
    await store.drop(place.name);
    await store.close();
  });

  t.test('a place whose table was removed by hand is made and filled again', async (t) => {
    const store = await openVectorStore(direct, silentLog);
    const place = { name: 'blackroad_test_1', dimension: suiteDimension };
    t.equal(await store.open(place), null);
    await store.note(place, 'whole');
    t.equal(await store.open(place), 'whole');
    await asked(`DROP TABLE ${place.name}`);
    t.equal(await store.open(place), null);
    await store.drop(place.name);
    t.same(await store.places('blackroad_test_'), []);
    await store.close();
  });
}
