// Rollouts over forty nodes on virtual time: the real coordinator with its real store, the simulator's network, scripted nodes. Faults come
// by the dice where they are asked for: the coordinator dies, nodes lose power, paths are cut.
import { coordinatorSelf, type ProblemDetails, type RolloutRequest, type RolloutView } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { type Random, seededRandom } from '@blackroad/std/random';
import { readConfig } from '../../../coordinator/src/config.ts';
import { showRollout } from '../../../coordinator/src/live/show-rollout.ts';
import { policyOf } from '../../../coordinator/src/policy.ts';
import type { InputKind, Inputs, RolloutAct } from '../../../coordinator/src/state/input.ts';
import type { KnownRelease } from '../../../coordinator/src/state/rollout-rows.ts';
import { agentSpec } from '../../fixtures/coordinator/stored-rows.ts';
import { type Blow, CoordinatorHost } from '../coordinator-host.ts';
import { Network } from '../network.ts';
import { people } from '../people-principal.ts';
import { Timeline } from '../timeline.ts';
import { osChecker } from './os-checker.ts';
import { type RolloutChecker, rolloutChecker } from './rollout-checker.ts';
import { type Behaviour, ScriptedNode } from './scripted-node.ts';

const bornMs = 1_800_000_000_000;
const lookMs = 1_000;
const taskEveryMs = 6_000;
const startSettleMs = 20_000;

interface WorldOptions {
  seed: number;
  nodes?: number;
  /** Missing: one, in which all are. */
  sites?: number;
  behaviours?: Record<string, Behaviour>;
  /** Share of attempts that fail anyway; missing: there are no tasks. */
  errorShare?: number;
  /** The network loses and repeats messages. */
  isBad?: boolean;
}

export class RolloutWorld {
  readonly timeline = new Timeline();
  readonly nodes: ScriptedNode[] = [];
  readonly host: CoordinatorHost;
  readonly network: Network;
  readonly checker: RolloutChecker;
  readonly osChecker: ReturnType<typeof osChecker>;
  readonly random: Random;
  readonly broken: string[] = [];
  readonly trace: string[] = [];
  readonly #behaviours: Record<string, Behaviour>;
  readonly #errorShare: number | null;
  readonly #sites: number;

  constructor({ seed, nodes = 40, sites = 1, behaviours = {}, errorShare, isBad = false }: WorldOptions) {
    this.random = seededRandom(seed);
    this.#behaviours = behaviours;
    this.#errorShare = errorShare ?? null;
    this.#sites = sites;
    const faulty = { latencyMs: 5, dropRate: isBad ? 0.02 : 0, repeatRate: isBad ? 0.05 : 0, reorders: false };
    this.network = new Network(this.timeline, seededRandom(seed + 1), faulty, {
      fromNode() {},
      toNode() {},
      toCoordinator() {},
      connection() {},
      admitted() {},
    });
    const policy = {
      ...policyOf(readConfig([], {})),
      timeZone: 'UTC',
      heartbeatMs: 10_000,
      lostAfterMs: 30_000,
      restartGraceMs: 60_000,
      reconnectWindowMs: 2_000,
    };
    const limits = {
      cuts: undefined,
      outboxMessages: 100,
      turnMs: 0,
      slowDiskMs: 0,
      quietShare: 0,
      versions: ['this'] as const,
    };
    this.host = new CoordinatorHost({
      timeline: this.timeline,
      network: this.network,
      knobs: { policy, ...limits },
      seed: seed + 2,
      diskMs: isBad ? 6 : 0,
      watch: {
        trace: (who, what) => this.#say(who, what),
        wallMs: () => this.wallMs(),
        started: () => void this.#learnReleases(),
        committed: (changes) => {
          for (const change of changes)
            if (change.type === 'event' && change.row.type.startsWith('rollout')) this.#say('event', change.row.text);
          this.checker.committed(changes);
          this.osChecker.committed(changes);
        },
        told: (messages) => this.checker.told(messages),
        failed: (error) => this.broken.push(error.stack ?? error.message),
        ended: () => this.timeline.after(2_000 + this.random.next() * 8_000, () => this.host.start()),
        log: silentLog,
      },
    });
    const world = {
      timeline: this.timeline,
      network: this.network,
      behaviourOf: (version: string) => this.#behaviours[version] ?? 'good',
      errorShare: errorShare ?? 0,
      wallMs: () => this.wallMs(),
      trace: (who: string, what: string) => this.#say(who, what),
    };
    for (let i = 0; i < nodes; i++) {
      const name = i % 4 === 3 ? 'cpu' : 'pi';
      const id = `${name}-${String(i).padStart(2, '0')}`;
      this.nodes.push(new ScriptedNode(world, { id, name, version: '1.0.0', random: seededRandom(seed * 1000 + i) }));
    }
    this.checker = rolloutChecker(
      this.nodes,
      () => this.timeline.nowMs,
      (text) => this.broken.push(text),
    );
    this.osChecker = osChecker(
      this.nodes,
      (node) => this.#siteOf(node),
      () => this.wallMs(),
      (text) => this.broken.push(text),
    );
  }
  #siteOf(node: ScriptedNode): string {
    const place = this.nodes.indexOf(node) % this.#sites;
    return place === 0 ? 'home' : `site-${place}`;
  }
  #say(who: string, what: string): void {
    this.trace.push(`${(this.timeline.nowMs / 1000).toFixed(1).padStart(8)} ${who.padEnd(11)} ${what}`);
  }
  wallMs(): number {
    return bornMs + this.timeline.nowMs;
  }
  /** Goes on for so long, or until the claim holds or something broke; whether it holds. */
  async run(ms: number, until: () => boolean = () => false): Promise<boolean> {
    await this.timeline.settle();
    if (!until()) await this.timeline.run(this.timeline.nowMs + ms, () => this.broken.length === 0 && !until());
    return until();
  }
  /** The answer of a request of a person; throws its refusal. */
  async submit<K extends InputKind>(kind: K, input: Inputs[K]): Promise<void> {
    const { coordinator } = this.host;
    if (!coordinator) throw new Error('the coordinator is down');
    let outcome: { ok: boolean; details?: ProblemDetails } | null = null;
    void coordinator.submit(kind, input).then((made) => {
      outcome = made;
    });
    await this.run(5_000, () => outcome !== null);
    const made = outcome as { ok: boolean; details?: ProblemDetails } | null;
    if (!made?.ok) throw new Error(made?.details?.detail ?? 'no answer');
  }
  async #learnReleases(): Promise<void> {
    const build = (arch: string) => ({
      sha256: arch.padEnd(64, '0').replace(/[^0-9a-f]/g, 'a'),
      bytes: 1000,
      signature: 'of the maker',
    });
    const releases: KnownRelease[] = ['1.0.0', '1.1.0', '1.2.0', '1.3.0'].map((version) => ({
      version,
      builds: { arm64: build('arm64'), x64: build('x64') },
    }));
    await this.host.coordinator?.submit('releases-known', { releases });
  }

  /** Starts everything: all nodes joined, with an agent each where there are tasks, and measured for some minutes. */
  async begin(measuredMs = 300_000): Promise<void> {
    this.host.start();
    await this.run(1_000, () => this.host.coordinator !== null);
    for (const node of this.nodes) {
      const { hardware, id } = node;
      const request = { uses: 1, expiresSeconds: 3_600, site: this.#siteOf(node) };
      await this.submit('token-create', { by: coordinatorSelf, id: `t-${id}`, secretHash: hardware, request });
      const joins = { tokenId: `t-${id}`, secretHash: hardware, hardware, keyFingerprint: hardware };
      await this.submit('enrol', {
        ...joins,
        class: node.class,
        name: id,
        simulated: false,
        suffixes: [],
        certificateExpiresMs: this.wallMs() + 1e10,
      });
      node.start();
    }
    await this.run(startSettleMs);
    if (this.#errorShare !== null) {
      for (const { id } of this.nodes) {
        const spec = agentSpec(`on-${id}`);
        const memory = { ...spec.memory, remember: 'none' as const };
        await this.submit('agent-apply', {
          by: people,
          spec: { ...spec, memory, placement: { ...spec.placement, nodes: [id] } },
          newId: `a-${id}`,
        });
      }
      this.#ask();
    }
    this.#look();
    await this.run(measuredMs);
  }
  #ask(): void {
    const { coordinator } = this.host;
    for (const { id } of this.nodes) {
      const task = `t${Math.floor(this.timeline.nowMs)}-${id}`;
      const request = { prompt: 'hello', deadlineSeconds: 60 };
      coordinator
        ?.submit('task-submit', { by: people, id: task, agent: `a-${id}`, request, origin: 'api' })
        .catch(() => {});
    }
    this.timeline.after(taskEveryMs, () => this.#ask());
  }
  #look(): void {
    this.checker.looked();
    this.osChecker.looked();
    this.timeline.after(lookMs, () => this.#look());
  }

  async start(request: RolloutRequest): Promise<string> {
    const id = `r-${Math.floor(this.timeline.nowMs)}`;
    await this.submit('rollout-start', { by: people, id, request });
    return id;
  }
  act(id: string, act: RolloutAct): Promise<void> {
    return this.submit('rollout-act', { by: people, id, act });
  }
  show(id: string): RolloutView | null {
    const view = this.host.coordinator?.view;
    const rollout = view?.rollouts.get(id);
    return view && rollout ? showRollout({ view, rollout, nowMs: this.wallMs(), timeZone: 'UTC' }) : null;
  }
  /** Goes on until the rollout is over. */
  async over(id: string, withinMs = 7_200_000): Promise<RolloutView> {
    const isOver = () => ['done', 'rolled-back', 'aborted'].includes(this.show(id)?.state ?? '');
    await this.run(withinMs, isOver);
    const view = this.show(id);
    if (!view) throw new Error('the coordinator is down at the end');
    return view;
  }
  on(version: string): string[] {
    return this.nodes.filter(({ disk }) => disk.current === version).map(({ id }) => id);
  }
  strike(blow: Blow | null): void {
    if (blow === null) this.host.kill('by the dice');
    else this.host.blow = blow;
  }
  close(): void {
    this.timeline.clear();
    this.host.close();
  }
}
