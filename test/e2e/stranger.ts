// A machine that plays no fair: enrols like a node-agent, then speaks raw MQTT with whatever certificate, topic and payload a test
// wants. It knows only what a stranger on the network could know, and what it was given.
import { request } from 'node:https';
import { type EnrolAnswer, type JoinTokenText, readJoinToken } from '@blackroad/protocol';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { createKey, writeCsr } from '../../node-agent/src/identity/csr.ts';
import type { Fleet } from '../fixtures/processes.ts';

export interface Stranger {
  node: string;
  key: string;
  certificate: string;
}

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: problems and answers alike
  body: any;
}
/** One request to the HTTPS port, with a body of any form. */
export function post(fleet: Fleet, path: string, body: string | object): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const options = { host: '127.0.0.1', port: fleet.tlsPort, path, method: 'POST', ca: fleet.ca, headers };
    const sent = request(options, (response) => {
      let said = '';
      response.setEncoding('utf8');
      response.on('data', (piece) => {
        said += piece;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: said === '' ? null : JSON.parse(said) }),
      );
    });
    sent.on('error', reject);
    sent.end(text);
  });
}

export function enrolBody(token: string, hardware: string, name = 'mallory') {
  const { id, secret } = readJoinToken(token) as JoinTokenText;
  const key = createKey();
  const body = { tokenId: id, secret, csr: writeCsr(key, name), hardware, class: 'pi', name };
  return { body, key: key.export({ type: 'pkcs8', format: 'pem' }) as string };
}
/** Becomes a node of its own, as any machine with a token may. */
export async function enrolAs(fleet: Fleet, hardware: string, name = 'mallory'): Promise<Stranger> {
  const { body, key } = enrolBody(await fleet.token(1), hardware, name);
  const { status, body: answer } = await post(fleet, '/v1/enrol', body);
  if (status !== 201) throw new Error(`enrolment answered ${status}: ${JSON.stringify(answer)}`);
  const { node, certificate } = answer as EnrolAnswer;
  return { node, key, certificate };
}

export function dial(fleet: Fleet, who: Partial<Stranger>, options: IClientOptions = {}): Promise<MqttClient> {
  return mqtt.connectAsync({
    protocol: 'mqtts',
    host: '127.0.0.1',
    port: fleet.mqttPort,
    ca: fleet.ca,
    ...(who.key && who.certificate ? { key: who.key, cert: who.certificate } : {}),
    clientId: who.node ?? 'stranger',
    protocolVersion: 4,
    reconnectPeriod: 0,
    connectTimeout: 20_000,
    ...options,
  });
}
/** Resolves when the coordinator has cut it. */
export function cut(client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    if (!client.connected) resolve();
    client.once('close', () => resolve());
    client.on('error', () => {});
  });
}
