// A scripted model server that other machines of a test reach: it listens on loopback alone, and this passes on what comes to an address of a bridge.
import { connect, createServer } from 'node:net';
import { startModelServer } from '../fixtures/model-server.ts';

/** Its URL for those machines. */
export async function modelFor(address: string, onEnd: (end: () => unknown) => void): Promise<string> {
  const model = await startModelServer();
  onEnd(() => model.close());
  const { hostname, port } = new URL(model.url);
  const relay = createServer((socket) => {
    const onward = connect(Number(port), hostname);
    socket.pipe(onward).pipe(socket);
    for (const each of [socket, onward]) each.on('error', () => socket.destroy());
  });
  await new Promise<void>((done) => relay.listen(0, address, done));
  onEnd(() => relay.close());
  return `http://${address}:${(relay.address() as { port: number }).port}`;
}
