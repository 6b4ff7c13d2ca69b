// Qdrant, by its documented interface: the suite of all vector stores against a scripted server.
import t from 'tap';
import { vectorConformance } from '../../../test/conformance/vectors.ts';
import { storeFiles } from '../../../test/fixtures/coordinator/store-files.ts';
import { cutProxy } from '../../../test/fixtures/cut-proxy.ts';
import { qdrantKey, qdrantServer } from '../../../test/fixtures/vector-stores/qdrant-server.ts';

const files = storeFiles(t);
const server = await qdrantServer();
const proxy = await cutProxy(server.port);
t.teardown(async () => {
  await proxy.close();
  await server.close();
});
const settings = (port: number) => ({ kind: 'qdrant', origin: `http://127.0.0.1:${port}`, key: qdrantKey }) as const;
await vectorConformance(
  t,
  {
    name: 'Qdrant',
    remote: {
      ...{ settings: settings(proxy.port), direct: settings(server.port), proxy, odd: server.odd },
      damage: {
        set(answer) {
          server.mood.answer = answer;
        },
        answers: [
          { status: 200, body: {} },
          { status: 200, body: 'null' },
          {
            status: 200,
            body: { result: { points: [{ id: 'b5c4a3c2-0000-4000-8000-000000000000' }], collections: {} } },
          },
          { status: 502, body: '<html>Bad gateway</html>' },
          { status: 400, body: { status: { error: `what is ${qdrantKey}?` } } },
          { status: 403, body: 'Must provide an API key' },
        ],
      },
      retype: async ({ name }, dimension) => server.retype(name, dimension),
    },
  },
  files,
);
