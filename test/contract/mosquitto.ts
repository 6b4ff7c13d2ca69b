// A real Mosquitto for tests: mTLS, the common name as user, and the ACL file made from the topic table.
// In: certificates and a folder. Out: a port, and a stop that waits for its end. Never started where it is not installed.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { maxPacketBytes } from '@blackroad/protocol';
import { mosquittoAcl } from '../../protocol/src/generate/acl.ts';

/** Path of the program, or null where there is none. */
export function findMosquitto(): string | null {
  return ['mosquitto', '/usr/sbin/mosquitto'].find((path) => spawnSync(path, ['-h']).error === undefined) ?? null;
}

export interface Mosquitto {
  port: number;
  stop(): Promise<void>;
}
export async function startMosquitto(
  program: string,
  dir: string,
  tls: { key: string; cert: string; ca: string },
): Promise<Mosquitto> {
  const file = (name: string, text: string) => {
    const path = join(dir, name);
    writeFileSync(path, text);
    return path;
  };
  const ca = file('mosquitto-ca.pem', tls.ca);
  const cert = file('mosquitto.pem', tls.cert);
  const key = file('mosquitto-key.pem', tls.key);
  const acl = file('mosquitto.acl', mosquittoAcl());
  // It cannot choose a port by itself: one that was free a moment ago may be taken, so it may need another try.
  for (let attempt = 0; ; attempt++) {
    const port = await freePort();
    const config = file(
      'mosquitto.conf',
      [
        'user root',
        'set_tcp_nodelay true',
        `listener ${port} 127.0.0.1`,
        `cafile ${ca}`,
        `certfile ${cert}`,
        `keyfile ${key}`,
        'require_certificate true',
        'use_identity_as_username true',
        'allow_anonymous false',
        `acl_file ${acl}`,
        `max_packet_size ${maxPacketBytes}`,
        'max_inflight_messages 0',
        'max_queued_messages 0',
        'persistence false',
        'log_dest stderr',
        '',
      ].join('\n'),
    );
    const child = spawn(program, ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    const log = await untilRunning(child);
    if (log === null) return { port, stop: () => end(child) };
    if (attempt === 3) throw new Error(`mosquitto did not start: ${log}`);
  }
}

/** Null when it runs; what it said when it ended instead. */
function untilRunning(child: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => {
    let said = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      said = `${said}${bytes}`.slice(-4_000);
      if (/ running/.test(said)) resolve(null);
    });
    child.once('exit', () => resolve(said));
    child.once('error', (error) => resolve(error.message));
  });
}
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
