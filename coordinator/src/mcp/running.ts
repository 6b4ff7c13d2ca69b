// What is being answered over MCP. A request has a server and a transport of its own and nothing of it is kept, with one exception: a client
// takes a request back by another request, which has to find it. Its session says whose it is: a name that the coordinator gives and does not
// keep, so that a restart ends no session. In: requests as they begin and end. Out: the way to stop one.
import { FleetError, maxMcpRequestsPerKey } from '@blackroad/protocol';

interface RunningRequest {
  owner: string;
  session: string;
  /** The ids of its messages that want an answer. */
  ids: ReadonlySet<string | number>;
  cancel(id: string | number): void;
  /** Ends it all: the session or the coordinator ends. */
  end(): void;
}

export class Running {
  readonly #requests = new Set<RunningRequest>();
  readonly #byOwner = new Map<string, number>();

  get count(): number {
    return this.#requests.size;
  }

  /** Returns the end of it. @throws FleetError `unavailable` */
  begin(request: RunningRequest): () => void {
    const { owner } = request;
    const own = this.#byOwner.get(owner) ?? 0;
    if (own >= maxMcpRequestsPerKey)
      throw new FleetError('unavailable', {
        detail: `This key has ${own} MCP requests that are being answered; wait for one of them.`,
        retryAfterSeconds: 2,
      });
    this.#requests.add(request);
    this.#byOwner.set(owner, own + 1);
    return () => {
      if (!this.#requests.delete(request)) return;
      const left = (this.#byOwner.get(owner) ?? 1) - 1;
      if (left > 0) this.#byOwner.set(owner, left);
      else this.#byOwner.delete(owner);
    };
  }

  /** Without a session it is not known whose request is meant: two clients of one key count from zero. */
  cancel(owner: string, session: string, id: string | number): void {
    if (session === '') return;
    for (const request of this.#requests)
      if (request.owner === owner && request.session === session && request.ids.has(id)) request.cancel(id);
  }

  endSession(owner: string, session: string): void {
    if (session === '') return;
    for (const request of this.#requests) if (request.owner === owner && request.session === session) request.end();
  }
}
