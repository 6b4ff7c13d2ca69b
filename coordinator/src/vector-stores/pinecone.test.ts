// Pinecone, by its documented interface: the suite of all vector stores against a scripted server.
import t from 'tap';
import { suiteDimension, vectorConformance } from '../../../test/conformance/vectors.ts';
import { storeFiles } from '../../../test/fixtures/coordinator/store-files.ts';
import { cutProxy } from '../../../test/fixtures/cut-proxy.ts';
import { pineconeKey, pineconeServer } from '../../../test/fixtures/vector-stores/pinecone-server.ts';

const files = storeFiles(t);
/** What is written is found so late. */
const lateMs = 300;
const server = await pineconeServer(suiteDimension, lateMs);
const proxy = await cutProxy(server.port);
t.teardown(async () => {
  await proxy.close();
  await server.close();
});
const settings = (port: number) =>
  ({ kind: 'pinecone', origin: `http://127.0.0.1:${port}`, key: pineconeKey }) as const;
await vectorConformance(
  t,
  {
    name: 'Pinecone',
    remote: {
      ...{ settings: settings(proxy.port), direct: settings(server.port), proxy, odd: server.odd },
      damage: {
        set(answer) {
          server.mood.answer = answer;
        },
        answers: [
          { status: 200, body: {} },
          { status: 200, body: '[]' },
          { status: 200, body: { matches: [{ id: '12abc' }], namespaces: null } },
          { status: 429, body: { code: 8, message: 'Too many requests', details: [] } },
          { status: 400, body: { code: 3, message: `what is ${pineconeKey}?` } },
          { status: 401, body: 'Invalid API Key' },
        ],
      },
      retype: async ({ name }, dimension) => server.retype(name, dimension),
    },
  },
  files,
);
