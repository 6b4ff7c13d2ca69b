// The connected clients: the node or key of each client, and the client of each node. In: sessions as CONNECT was judged, and clients that
// come and go. Out: answers about a client. A client that would not be accepted any more is disconnected.
import type { TLSSocket } from 'node:tls';
import type { Principal } from '@blackroad/protocol';
import type { Client } from 'aedes';
import type { Refusals } from '../door/counted-refusals.ts';
import type { Claim, Gate } from '../fleet/gate.ts';
import type { Session } from './connect-judge.ts';
import type { Who } from './rights.ts';

export class Connections {
  readonly #gate: Gate;
  readonly #refusals: Refusals;
  readonly #sessions = new WeakMap<Client, Session>();
  /** The present connection of each node. */
  readonly #nodes = new Map<string, Client>();
  readonly #people = new Map<Client, Claim>();

  constructor(gate: Gate, refusals: Refusals) {
    this.#gate = gate;
    this.#refusals = refusals;
  }

  get size(): number {
    return this.#nodes.size + this.#people.size;
  }

  judged(client: Client, session: Session): void {
    this.#sessions.set(client, session);
  }
  session(client: Client): Session | undefined {
    return this.#sessions.get(client);
  }
  /** Null: it was refused, or has not sent CONNECT. */
  who(client: Client): Who | null {
    const session = this.#sessions.get(client);
    return session && 'who' in session ? session.who : null;
  }
  isPeople(client: Client): boolean {
    return this.#people.has(client);
  }
  ofNode(node: string): Client | undefined {
    return this.#nodes.get(node);
  }

  /** False: it was refused. */
  opened(client: Client): boolean {
    const session = this.#sessions.get(client);
    if (!session || !('who' in session)) return false;
    const { who, claim } = session;
    if (who.as === 'node') this.#nodes.set(who.node, client);
    else this.#people.set(client, claim);
    return true;
  }
  closed(client: Client): void {
    this.#people.delete(client);
    const who = this.who(client);
    if (who?.as === 'node' && this.#nodes.get(who.node) === client) this.#nodes.delete(who.node);
  }

  /** The key of the connection; undefined for nodes. */
  principal(client: Client): Principal | undefined {
    const who = this.who(client);
    return who?.as === 'people' ? who.by : undefined;
  }
  /** The name for log lines. */
  from(client: Client): object {
    const { remoteAddress: address } = client.conn as TLSSocket;
    const who = this.who(client);
    if (!who) return { address };
    return who.as === 'node' ? { node: who.node, address } : { key: who.by.name, address };
  }

  /** Disconnects clients that were forgotten or sent away, or whose certificate ended: a long connection is no exception. [INV-admitted] */
  recheck(): void {
    for (const [node, client] of this.#nodes) {
      const session = this.#sessions.get(client);
      const admitted = session && 'who' in session ? this.#gate(session.claim) : null;
      if (admitted?.as === 'node') continue;
      const reason = admitted?.as === 'refused' ? admitted.reason : 'internal';
      this.#refusals.note(reason, { node }, 'connection cut: it would not be let in any more');
      (client.conn as TLSSocket).destroy();
    }
    for (const [client, claim] of this.#people) {
      const same = JSON.stringify(this.who(client)) === JSON.stringify(this.#gate(claim));
      if (!same) (client.conn as TLSSocket).destroy(); // it comes back with its new rights, or is refused
    }
  }
}
