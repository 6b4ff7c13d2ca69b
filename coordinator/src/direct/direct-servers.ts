// Model servers that the coordinator asks itself: those that nodes told over their channels. In: what a node told, and the address of its
// channel. Out: the server for a request, or null: then the node-agent is asked. One that cannot be reached is left alone for a while, and no
// request fails for it.
import { createRefusals } from '@blackroad/model-server/refusals';
import { createThoughts } from '@blackroad/model-server/thoughts';
import type { ModelRequest, ModelServer, NodeModel } from '@blackroad/protocol';
import { isLoopbackAddress } from '@blackroad/std/address';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { Rest } from '@blackroad/std/rest';
import { originOf } from '../door/address.ts';
import type { AskedServer } from './direct-request.ts';

export interface DirectServer extends AskedServer {
  /** It did what it was asked at that moment, as far as that is its own doing. */
  worked(askedMs: number): void;
  /** It cannot be asked so: for a while its node-agent is. */
  failed(problem: string, askedMs: number): void;
}
interface Known extends DirectServer {
  rest: Rest<string>;
  /** When each model was last left to the node-agent. */
  byNodeMs: Map<string, number>;
}
/** The servers of a node that may be asked. */
interface Told {
  host: string;
  servers: readonly ModelServer[];
}
type ConnectionsTo = (host: string, server: ModelServer) => AskedServer['pool'];
interface DirectServersParts {
  clock: Clock;
  random: Random;
  log: Log;
}

const backoff = { firstMs: 2_000, maxMs: 10 * 60_000 };
/** The node-agent gets one request of a model in this time: it learns from it how fast the model is. */
const byNodeEveryMs = 60_000;

export class DirectServers {
  readonly #parts: DirectServersParts;
  readonly #told = new Map<string, Told>();
  readonly #byNode = new Map<string, Known[]>();

  constructor(parts: DirectServersParts) {
    this.#parts = parts;
  }

  get size(): number {
    return [...this.#byNode.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** `address`: where the node's channel comes from. Servers told before are forgotten. */
  told(node: string, address: string, servers: readonly ModelServer[]): void {
    const host = originOf(address).address;
    const reachable = servers.filter((told) => this.#mayBeAsked(node, host, told));
    if (reachable.length === 0) {
      this.forget(node);
      return;
    }
    this.#told.set(node, { host, servers: reachable });
    // The HTTP client takes 50 ms and 30 MB [measured]: a coordinator whose nodes tell no server does without.
    import('./server-connections.ts').then(
      ({ connectionsTo }) => this.#open(node, connectionsTo),
      (err) => this.#parts.log.error({ err }, 'model servers cannot be asked directly'),
    );
  }

  forget(node: string): void {
    this.#told.delete(node);
    this.#keep(node, []);
  }

  /** Opens what was told last: it may be other servers by now, or none. */
  #open(node: string, connectionsTo: ConnectionsTo): void {
    const now = this.#told.get(node);
    if (!now) return;
    const before = this.#byNode.get(node) ?? [];
    const known = now.servers.map((told) => {
      const same = before.find((each) => placeOf(each.told) === placeOf(told));
      if (!same) return this.#known(node, told, connectionsTo(now.host, told));
      same.told = told;
      return same;
    });
    this.#keep(node, known);
  }

  #keep(node: string, known: Known[]): void {
    for (const each of this.#byNode.get(node) ?? []) if (!known.includes(each)) void each.pool.close().catch(() => {});
    if (known.length > 0) this.#byNode.set(node, known);
    else this.#byNode.delete(node);
  }

  /** `model`: as the node reports it. Null: the node-agent is asked. */
  for(node: string, request: ModelRequest, model: NodeModel | undefined): DirectServer | null {
    // Vectors are gathered by the node-agent; what it would refuse or wake is its own business.
    if (!model || request.kind === 'embed' || model.asleep || (request.tools?.length && !model.tools)) return null;
    const server = this.#byNode.get(node)?.find(({ told }) => told.models.includes(model.name));
    const nowMs = this.#parts.clock.monotonicMs();
    if (!server || server.rest.left()) return null;
    const byNodeMs = server.byNodeMs.get(model.name);
    if (byNodeMs !== undefined && nowMs - byNodeMs < byNodeEveryMs) return server;
    server.byNodeMs.set(model.name, nowMs);
    return byNodeMs === undefined ? server : null;
  }

  #mayBeAsked(node: string, host: string, { certificate, port }: ModelServer): boolean {
    if (certificate !== undefined || isLoopbackAddress(host)) return true;
    this.#parts.log.warn(
      { node, port },
      'a model server without TLS on another machine is asked through its node-agent',
    );
    return false;
  }

  #known(node: string, told: ModelServer, pool: AskedServer['pool']): Known {
    const { clock, random, log } = this.#parts;
    const rest = new Rest<string>({ clock, random, backoff });
    return {
      told,
      pool,
      refusals: createRefusals(clock),
      thoughts: createThoughts(),
      rest,
      byNodeMs: new Map(),
      worked: (askedMs) => rest.worked(askedMs),
      failed(problem, askedMs) {
        const wasResting = rest.left() !== null;
        rest.failed(problem, askedMs);
        if (wasResting) return;
        log.info(
          { node, port: told.port, problem, restMs: rest.left()?.ms },
          'a model server is asked through its node-agent for a while',
        );
      },
    };
  }
}

/** What stays the same server. */
const placeOf = ({ port, path, certificate, key }: ModelServer) => JSON.stringify([port, path, certificate, key]);
