// Rows of rollouts, declared readonly: a rollout, each node or agent that it is to reach (its subjects), and what was measured of them. The
// releases of the node-agent that the coordinator knows are here too: a rollout keeps those that it needs, as it must go on, and back, after
// a restart.
import type {
  AgentSpec,
  Asker,
  GateName,
  GateView,
  OsUpdateState,
  RolloutRequest,
  RolloutState,
  RolloutWhat,
  RolloutWindow,
  SubjectState,
  UpdateState,
} from '@blackroad/protocol';
import type { BalenaRelease } from './balena-stand.ts';

/** One file of a release, for one architecture as nodes name theirs (`arm64`, `x64`). */
export interface Build {
  readonly sha256: string;
  readonly bytes: number;
  readonly signature: string;
}
/** A release of the node-agent. */
export interface KnownRelease {
  readonly version: string;
  readonly builds: Readonly<Record<string, Build>>;
}

/** Sums over heartbeats and ends of tasks of one node or agent: two of them can be added. */
export interface Sums {
  /** The time that the heartbeats cover. */
  readonly ms: number;
  /** The time of the last heartbeat; 0: none. */
  readonly lastMs: number;
  readonly beats: number;
  /** Attempts that were done, and that failed. */
  readonly done: number;
  readonly failed: number;
  /** Answer tokens, and the time spent writing them. */
  readonly tokens: number;
  readonly decodeMs: number;
  readonly reconnects: number;
  readonly temperatureC: number;
  readonly temperatureBeats: number;
  readonly rssBytes: number;
  readonly rssLastBytes: number;
  readonly sdBytes: number;
  readonly sdBeats: number;
}

export interface RolloutRow {
  readonly id: string;
  readonly what: RolloutWhat;
  /** What is rolled out, in words. */
  readonly text: string;
  readonly state: RolloutState;
  /** Why it is not running. */
  readonly reason: string;
  /** The state in which a roll-back ends. */
  readonly goal?: 'rolled-back' | 'aborted';
  /** The present wave, from 0, and their number. */
  readonly wave: number;
  readonly waves: number;
  /** Waves below this may begin without a further approval. */
  readonly approvedWaves: number;
  /** Whether people were told that it waits for an approval. */
  readonly asked: boolean;
  /** Since when no subject of the present wave is under way; null: some are. */
  readonly soakFromMs: number | null;
  readonly soakMs: number;
  readonly patienceMs: number;
  readonly maxUnavailable: number;
  readonly gates: readonly GateName[];
  readonly onRed: NonNullable<RolloutRequest['onRed']>;
  readonly approval: NonNullable<RolloutRequest['approval']>;
  readonly windows: readonly RolloutWindow[];
  readonly driver: NonNullable<RolloutRequest['driver']>;
  readonly downgrade: boolean;
  readonly note: string;
  /** The releases that it needs: the new one, and those to go back to. */
  readonly releases: readonly KnownRelease[];
  /** The gates as they were when it stopped or ended; null: it goes on. */
  readonly judged: readonly GateView[] | null;
  readonly by: Asker;
  readonly createdMs: number;
  readonly endedMs: number | null;
}

export interface RolloutSubjectRow {
  readonly rollout: string;
  /** The id of a node or of an agent. */
  readonly subject: string;
  /** Its position in the rollout: the earlier ones are told first. */
  readonly place: number;
  readonly wave: number;
  readonly state: SubjectState;
  /** How far it is, or what went wrong, in words. */
  readonly step: string;
  /** What it had before: a version, or words. */
  readonly was: string;
  /** The labels that it had before; null: it had none of that name. */
  readonly wasLabels?: Readonly<Record<string, string | null>>;
  readonly wasSpec?: AgentSpec;
  /** The version of the agent that the rollout made. */
  readonly version?: number;
  /** The balena device, the release that it ran before, and the one that it gets. */
  readonly balena?: {
    readonly device: string;
    readonly from: Pick<BalenaRelease, 'id' | 'name'>;
    readonly to: Pick<BalenaRelease, 'id' | 'name'>;
  };
  /** Of an update of the operating system, after its packages: whether the machine needs a restart, and whether it was told to. */
  readonly os?: { readonly needsRestart: boolean; readonly isRestart: boolean };
  /** The node's last word on an update, or what balena did with the present order. Of the operating system the version is the job. */
  readonly report?: { readonly version: string; readonly state: UpdateState | OsUpdateState | 'installed' | 'pinned' };
  /** When it was first told the present order, and last, and how often. */
  readonly toldMs: number;
  readonly orderedMs: number;
  readonly orders: number;
  readonly sinceMs: number;
  /** What was measured before it got the change. */
  readonly past: Sums;
}

export function subjectKey({ rollout, subject }: Pick<RolloutSubjectRow, 'rollout' | 'subject'>): string {
  return `${rollout}/${subject}`;
}
