// The upgrade of this coordinator by itself: from a release that it keeps to one that stays, or is taken back. In: what a person orders, and
// what the next process finds on the disk. Out: events, links in the home of the upgrades, and the end of this process, so that the launcher
// starts the other one. What is told was first written to the disk. One at a time.
import { statfsSync, statSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  actorOf,
  compareVersions,
  FleetError,
  type Installation,
  type Principal,
  type Release,
  type UpgradePlan,
  type UpgradeRequest,
  type UpgradeState,
  type UpgradeView,
  upgradeEnds,
  upgradeWords,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import { errnoSentence } from '@blackroad/std/errno';
import { freeBytesOf } from '@blackroad/std/free-bytes';
import type { Log } from '@blackroad/std/log';
import type { PublicKey } from '@blackroad/std/minisign';
import { syncFolder } from '@blackroad/std/sync-folder';
import type { Backups } from '../backup/backups.ts';
import { databaseName } from '../backup/manifest.ts';
import { newestVersion } from '../store/sqlite/migrations.ts';
import { waysToUpgrade } from './installation.ts';
import { soaksAtMost, startSoak } from './soak.ts';
import { stageRelease } from './stage-release.ts';
import { baseName, type UpgradeHome, type UpgradeRecord } from './upgrade-home.ts';

interface UpgradesParts {
  installed: Installation;
  /** Null: it cannot upgrade itself. */
  home: UpgradeHome | null;
  /** The folder of the program that runs. */
  here: string;
  version: string;
  data: string;
  releases: {
    list(of: { name: string; arch: string }): Release[];
    pathOf(sha256: string): string;
    keys(): Promise<readonly PublicKey[]>;
  };
  backups: Pick<Backups, 'make'>;
  /** Copies the database; nothing is stored any more by then. */
  copyTo: (path: string) => Promise<void>;
  nodesOnline: () => number;
  answers: () => Promise<boolean>;
  told: (stand: UpgradeRecord) => Promise<void>;
  /** Ends this process; `last` is done when nothing is stored any more. */
  restart: (last: () => Promise<void>) => void;
  soakMs: number;
  /** What the start of this process took. */
  startMs: number;
  clock: Clock;
  log: Log;
}

const name = 'blackroad-coordinator';
/** Unpacked, a release has three times its size; the archive is there already. */
const timesItsBytes = 3;
const keptFreeBytes = 64 * 1024 * 1024;
/** What an SD card writes in a second. */
const copiedBytesPerS = 40_000_000;
const stopSeconds = 2;
/** The launcher's deadline comes after the one that a release has itself. */
const launcherSlackS = 60;
const stayAgainMs = 10_000;
const maxText = 1000;

export class Upgrades {
  readonly #parts: UpgradesParts;
  #record: UpgradeRecord | null = null;
  #soak: Timer | null = null;
  #isBusy = false;

  constructor(parts: UpgradesParts) {
    this.#parts = parts;
    this.#record = parts.home?.record(parts.log) ?? null;
  }

  view(asked?: string): UpgradeView {
    const { installed, version, home } = this.#parts;
    const releases = this.#releases();
    const wanted = asked === undefined ? this.#newest() : releases.find(({ sha256 }) => sha256 === asked);
    const { schema: _, copiedMs: __, nodes: ___, ...last } = this.#record ?? {};
    return {
      version,
      installed,
      how: waysToUpgrade(installed),
      releases: releases.map(({ sha256: release, version, bytes }) => ({ release, version, bytes })),
      plan: home && wanted ? this.#plan(wanted, home) : null,
      back: home && this.#back(home),
      last: this.#record ? (last as UpgradeView['last']) : null,
    };
  }

  /** Answers when it has begun. @throws FleetError */
  async begin({ release, older }: UpgradeRequest, by: Principal): Promise<Release> {
    const home = this.#homeOrRefuse();
    this.#refuseBusy();
    const wanted = release === undefined ? this.#newest() : this.#releases().find(({ sha256 }) => sha256 === release);
    if (!wanted)
      throw new FleetError('no-such-release', {
        detail:
          release === undefined
            ? `There is no release of ${name} here that is newer than ${this.#parts.version}: \`fleet releases add\` brings one.`
            : `There is no release ${release} of ${name} for this machine here.`,
      });
    const plan = this.#plan(wanted, home);
    if (plan.isOlder && !older)
      throw new FleetError('conflict', {
        detail: `${wanted.version} is older than ${this.#parts.version}, which runs: it needs consent (older, \`--older\`).`,
      });
    if (plan.schema && plan.schema.to < plan.schema.from)
      throw new FleetError('conflict', {
        detail: `${wanted.version} cannot read this database: it knows schemas up to ${plan.schema.to}, the database has ${plan.schema.from}. \`fleet upgrade back\` has the way to the version before.`,
      });
    if (plan.freeBytes < plan.neededBytes)
      throw new FleetError('storage-failed', {
        detail: `The upgrade needs ${mib(plan.neededBytes)} MiB on the disk of ${home.dir}, and ${mib(plan.freeBytes)} MiB are free.`,
      });
    this.#isBusy = true;
    try {
      await this.#save(home, {
        ...{ version: wanted.version, from: this.#parts.version, state: 'preparing', text: '', by: actorOf(by) },
        ...{ atMs: this.#parts.clock.nowMs(), schema: newestVersion, copiedMs: 0, nodes: 0 },
      });
    } catch (error) {
      this.#isBusy = false;
      throw error;
    }
    void this.#upgrade(wanted, home);
    return wanted;
  }

  /** Returns the version that it would go back to. @throws FleetError */
  mayGoBack(lose: boolean): string {
    const home = this.#homeOrRefuse();
    const back = this.#back(home);
    if (back === null) throw new FleetError('conflict', { detail: 'There is no release to go back to.' });
    if (this.#isBusy || !['soaking', 'committed'].includes(this.#record?.state ?? '')) this.#refuseBusy();
    if (back.losesSinceMs !== null && !lose)
      throw new FleetError('conflict', {
        detail: `${back.version} cannot read the present database: it would be that of ${new Date(back.losesSinceMs).toISOString()} again, and what came since is lost but for what nodes bring back. That needs consent (lose, \`--lose\`).`,
      });
    return back.version;
  }
  /** After `mayGoBack`; answers when it has begun. */
  async back(by: Principal): Promise<void> {
    const home = this.#homeOrRefuse();
    this.#soak?.cancel();
    this.#isBusy = true;
    const { version, from } = this.#record as UpgradeRecord;
    const atMs = this.#parts.clock.nowMs();
    const text = 'a person asked for it';
    await this.#save(home, { ...(this.#record as UpgradeRecord), state: 'going-back', text, by: actorOf(by), atMs });
    await home.writeNote('went-back', text);
    this.#goBack(home);
    this.#parts.log.warn({ version, from }, 'the coordinator goes back');
  }

  /** Goes on where the process before ended, now that this one works. */
  async start(): Promise<void> {
    const { home } = this.#parts;
    if (!home) return;
    await this.#goOn(home).catch((err) => this.#parts.log.error({ err }, 'an upgrade that was under way cannot go on'));
  }
  stop(): void {
    this.#soak?.cancel();
  }

  async #goOn(home: UpgradeHome): Promise<void> {
    const record = this.#record;
    if (!record || upgradeEnds.includes(record.state)) return;
    const isNew = record.version === this.#parts.version;
    if (isNew && record.state === 'going-back') return this.#goBack(home);
    if (this.#isOnTrial) return this.#watch(home, record);
    if (isNew) return this.#end(home, 'committed', '');
    const why = home.note('went-back');
    const wasStarted = why !== null || home.note('trial-starts') !== null || record.state === 'soaking';
    if (wasStarted) await this.#end(home, 'rolled-back', why ?? 'it was started in place of the new one');
    else await this.#end(home, 'failed', record.text || 'it was interrupted before the switch; order it again');
    for (const note of ['went-back', 'trial-starts'] as const) home.removeNote(note);
  }

  get #isOnTrial(): boolean {
    const { home, here, version } = this.#parts;
    return home?.isOnTrial(here, version) ?? false;
  }
  #releases(): Release[] {
    const { releases, version } = this.#parts;
    return releases.list({ name, arch: process.arch }).filter((row) => row.version !== version);
  }
  #newest(): Release | undefined {
    return this.#releases().find((row) => compareVersions(row.version, this.#parts.version) > 0);
  }
  #homeOrRefuse(): UpgradeHome {
    const { home, installed } = this.#parts;
    if (home) return home;
    throw new FleetError('conflict', { detail: waysToUpgrade(installed) });
  }
  #refuseBusy(): void {
    const record = this.#record;
    if (this.#isBusy || this.#isOnTrial)
      throw new FleetError('conflict', { detail: record ? `${upgradeWords(record)}.` : 'An upgrade is under way.' });
  }

  #plan({ sha256: release, version, bytes, schema }: Release, home: UpgradeHome): UpgradePlan {
    const { data, soakMs, startMs } = this.#parts;
    const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    const copyBytes = sizeOf(join(data, databaseName)) + sizeOf(join(data, `${databaseName}-wal`));
    const soakSeconds = Math.ceil(soakMs / 1000);
    return {
      ...{ release, version, copyBytes, soakSeconds, limitSeconds: soakSeconds * soaksAtMost },
      isOlder: compareVersions(version, this.#parts.version) < 0,
      neededBytes: bytes * timesItsBytes + copyBytes + keptFreeBytes,
      freeBytes: freeBytesOf(statfsSync(home.dir)),
      awaySeconds: Math.ceil(stopSeconds + copyBytes / copiedBytesPerS + startMs / 1000),
      schema: schema === undefined || schema === newestVersion ? null : { from: newestVersion, to: schema },
    };
  }
  #back(home: UpgradeHome): UpgradeView['back'] {
    const record = this.#record;
    const isAfter = record !== null && record.version === this.#parts.version && home.linked('previous') !== null;
    if (!isAfter || !['soaking', 'committed'].includes(record.state)) return null;
    return { version: record.from, losesSinceMs: record.schema < newestVersion ? record.copiedMs : null };
  }

  async #upgrade(release: Release, home: UpgradeHome): Promise<void> {
    const { releases, backups, nodesOnline, restart, log } = this.#parts;
    try {
      await stageRelease(release, releases.pathOf(release.sha256), await releases.keys(), home);
      await this.#step(home, 'backing-up');
      await backups.make();
      await this.#step(home, 'switching', '', { nodes: nodesOnline() });
      restart(() =>
        this.#switch(release, home).catch((error) =>
          // The process before the switch is started again, and tells it.
          home.saveRecord({ ...(this.#record as UpgradeRecord), text: wordsOf(error) }),
        ),
      );
    } catch (error) {
      await this.#end(home, 'failed', wordsOf(error)).catch((err) =>
        log.error({ err }, 'the end of an upgrade was not kept'),
      );
    } finally {
      // With a restart the process ends.
      if (this.#record?.state === 'failed') this.#isBusy = false;
    }
  }

  /** `current` changes last: before that the launcher starts the old release. */
  async #switch({ version }: Release, home: UpgradeHome): Promise<void> {
    const { copyTo, clock, soakMs, here } = this.#parts;
    const own = home.nameOf(here, this.#parts.version);
    const part = `${home.copy}.part`;
    await rm(part, { force: true });
    await copyTo(part);
    await rm(home.copy, { force: true });
    await rename(part, home.copy);
    syncFolder(home.dir);
    await home.saveRecord({ ...(this.#record as UpgradeRecord), copiedMs: clock.nowMs() });
    for (const note of ['went-back', 'trial-starts'] as const) home.removeNote(note);
    await home.writeNote('trial-limit', String(Math.ceil((soakMs * soaksAtMost) / 1000) + launcherSlackS));
    if (own === baseName) await home.writeNote('base-version', this.#parts.version);
    home.point('previous', own);
    home.point('trial', `releases/${version}`);
    home.point('current', `releases/${version}`);
  }

  async #watch(home: UpgradeHome, record: UpgradeRecord): Promise<void> {
    const { soakMs, clock, nodesOnline, answers } = this.#parts;
    await this.#tell(record);
    const onEnd = (lacking: string | null) => void (lacking === null ? this.#stay(home) : this.#giveUp(home, lacking));
    this.#soak = startSoak({ soakMs, before: record.nodes, online: nodesOnline, answers, clock, onEnd });
  }
  /** Again and again where the disk refuses to keep it. */
  async #stay(home: UpgradeHome): Promise<void> {
    const { clock, log } = this.#parts;
    try {
      // The trial is over with its link: what follows may be done by the next process.
      home.unlink('trial');
      home.removeNote('trial-starts');
      await this.#end(home, 'committed', '');
      await this.#removeOld(home);
    } catch (err) {
      log.error({ err }, 'that this release stays could not be kept');
      this.#soak = clock.after(stayAgainMs, () => void this.#stay(home));
    }
  }
  async #giveUp(home: UpgradeHome, why: string): Promise<void> {
    const { log } = this.#parts;
    await home.writeNote('went-back', why).catch((err) => log.error({ err }, 'the reason could not be kept'));
    this.#goBack(home);
  }
  #goBack(home: UpgradeHome): void {
    this.#parts.restart(async () => {
      home.point('current', home.linked('previous') ?? baseName);
      home.unlink('trial');
    });
  }
  /** What runs and the one before are kept. */
  async #removeOld(home: UpgradeHome): Promise<void> {
    const kept = [home.linked('current'), home.linked('previous')];
    for (const found of await readdir(home.folderOf('')))
      if (!kept.includes(`releases/${found}`)) await rm(home.folderOf(found), { recursive: true, force: true });
  }

  async #end(home: UpgradeHome, state: UpgradeState, text: string): Promise<void> {
    await this.#step(home, state, text);
  }
  async #step(home: UpgradeHome, state: UpgradeState, text = '', more: Partial<UpgradeRecord> = {}): Promise<void> {
    if (!this.#record) return;
    const atMs = this.#parts.clock.nowMs();
    await this.#save(home, { ...this.#record, state, text: text.slice(0, maxText), atMs, ...more });
  }
  async #save(home: UpgradeHome, record: UpgradeRecord): Promise<void> {
    await home.saveRecord(record);
    this.#record = record;
    await this.#tell(record);
  }
  async #tell(record: UpgradeRecord): Promise<void> {
    const { told, log } = this.#parts;
    log.info({ version: record.version, state: record.state, text: record.text }, 'the upgrade of the coordinator');
    await told(record).catch((err) => log.warn({ err }, 'how an upgrade stands could not be told'));
  }
}

function wordsOf(error: unknown): string {
  const text = error instanceof FleetError ? error.message : (errnoSentence(error) ?? (error as Error).message);
  return text.slice(0, maxText);
}
const mib = (bytes: number) => Math.ceil(bytes / 1024 ** 2);
