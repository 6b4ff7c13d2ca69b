// Backups of a coordinator that works: made when a person asks and by the schedule, one at a time; old scheduled ones are removed. The store
// copies the database while it goes on, a process of its own packs the copy. In: the store, settings, requests. Out: files in a folder, and
// inputs that say how each ended. What an earlier process left half made is removed at the start.
import { fork } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BackupRow, type BackupsView, FleetError, maxShownBackups } from '@blackroad/protocol';
import { nextCronMs } from '@blackroad/protocol/cron';
import type { Clock, Timer } from '@blackroad/std/clock';
import { errnoSentence } from '@blackroad/std/errno';
import { freeBytesOf } from '@blackroad/std/free-bytes';
import type { Log } from '@blackroad/std/log';
import { isBundle } from '@blackroad/std/own-version';
import type { BackupEnded, BackupStand } from '../state/backup-stand.ts';
import type { Store } from '../store/store.ts';
import { filesToKeep, stagingName } from './content.ts';
import { databaseName } from './manifest.ts';
import { backupName, outdated, readBackupName } from './names.ts';
import type { PackOrder } from './pack.ts';
import type { Packed } from './process.ts';
import { isRecipient } from './recipient.ts';

export interface BackupSettings {
  data: string;
  folder: string;
  /** Further folders within the data folder that are in no backup. */
  without: string[];
  /** Files from elsewhere, by their names in the backup. */
  further: Record<string, string>;
  /** A cron expression; null: none. */
  schedule: string | null;
  timeZone: string;
  keep: { days: number; weeks: number };
  recipients: string[];
  fleet: string;
  version: string;
}
interface BackupsParts {
  settings: BackupSettings;
  store: Pick<Store, 'copyTo'>;
  /** Takes in how a backup ended, and how things stand. */
  told: (stand: BackupStand, ended?: BackupEnded) => Promise<void>;
  clock: Clock;
  log: Log;
}

const processFile = isBundle(import.meta.url) ? './backup.mjs' : './process.ts';
/** A timer holds at most 24 days, and a clock may be set: the schedule is looked at anew. */
const lookMs = 60_000;
/** While one is under way at the time of the next. */
const shortestMs = 1_000;
/** Also how late a machine that was off at the time makes up for it after its start, when others have begun to work. */
const graceMs = 3_600_000;
const catchUpMs = 5 * 60_000;
/** The archive is usually a quarter of what is in it. */
const packedShare = 0.5;

export class Backups {
  readonly #parts: BackupsParts;
  #timer: Timer | null = null;
  readonly #startedMs: number;
  #nextMs: number | null = null;
  #underWay: { name: string; sinceMs: number; ends: Promise<void> } | null = null;
  #last: BackupsView['last'] = null;
  #failed: BackupsView['failed'] = null;
  #kill: (() => void) | null = null;
  #isStopped = false;

  constructor(parts: BackupsParts) {
    this.#parts = parts;
    const { clock, settings } = parts;
    this.#startedMs = clock.nowMs();
    this.#removeRemains();
    const [newest] = this.list();
    if (newest) this.#last = { ...newest, seconds: 0 };
    this.#plan();
    if (settings.schedule !== null && newest) {
      const dueMs = nextCronMs(settings.schedule, newest.atMs, settings.timeZone);
      if (dueMs !== null && dueMs <= this.#startedMs)
        this.#nextMs = Math.min(this.#nextMs ?? dueMs, this.#startedMs + catchUpMs);
    }
    this.#wait();
    void this.#tell();
  }

  /** Newest first. */
  list(): BackupRow[] {
    const { folder } = this.#parts.settings;
    const rows: BackupRow[] = [];
    for (const name of namesIn(folder)) {
      const named = readBackupName(name);
      const bytes = named && statSync(join(folder, name), { throwIfNoEntry: false })?.size;
      if (named && bytes !== undefined && bytes !== null) rows.push({ ...named, bytes });
    }
    return rows.sort((a, b) => b.atMs - a.atMs);
  }

  view(): BackupsView {
    const { folder, schedule, keep, recipients } = this.#parts.settings;
    const { name, sinceMs } = this.#underWay ?? { name: '', sinceMs: 0 };
    return {
      folder,
      schedule,
      nextMs: this.#nextMs,
      keepDays: keep.days,
      keepWeeks: keep.weeks,
      recipients: recipients.length,
      underWay: this.#underWay ? { name, sinceMs } : null,
      last: this.#last && {
        name: this.#last.name,
        atMs: this.#last.atMs,
        bytes: this.#last.bytes,
        seconds: this.#last.seconds,
      },
      failed: this.#failed,
      backups: this.list().slice(0, maxShownBackups),
    };
  }

  /** Begins one; it is named in the view until it has ended. @throws FleetError */
  async begin({ recipients = this.#parts.settings.recipients, isScheduled = false } = {}): Promise<string> {
    const { clock, settings } = this.#parts;
    for (const recipient of recipients)
      if (!(await isRecipient(recipient)))
        throw new FleetError('invalid-request', {
          detail: `body: age: expected public keys of age (age1...), got ${JSON.stringify(recipient.slice(0, 80))}`,
        });
    if (this.#underWay)
      throw new FleetError('conflict', { detail: `The backup ${this.#underWay.name} is being made.` });
    if (this.#isStopped) throw new FleetError('unavailable', { detail: 'The coordinator is stopping.' });
    const sinceMs = clock.nowMs();
    const name = backupName(settings.fleet, sinceMs, { isScheduled, isEncrypted: recipients.length > 0 });
    this.#underWay = { name, sinceMs, ends: this.#run(name, sinceMs, recipients) };
    return name;
  }

  /** One like those that a person makes, when it is whole; after the one that is being made, if there is one. @throws FleetError */
  async make(): Promise<string> {
    await this.#underWay?.ends;
    const name = await this.begin();
    await this.#underWay?.ends;
    if (this.#last?.name === name) return name;
    throw new FleetError('storage-failed', {
      detail: `no backup was made: ${this.#failed?.problem ?? 'it was stopped'}`,
    });
  }

  pathOf(name: string): { path: string; bytes: number } {
    const path = join(this.#parts.settings.folder, name);
    const bytes = readBackupName(name) && statSync(path, { throwIfNoEntry: false })?.size;
    if (bytes === undefined || bytes === null)
      throw new FleetError('no-such-backup', {
        detail: `There is no backup ${name} in ${this.#parts.settings.folder}.`,
      });
    return { path, bytes };
  }

  async remove(name: string): Promise<void> {
    await rm(this.pathOf(name).path, { force: true });
  }

  /** An unfinished one is given up. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    // A copy of the database is not waited for: it ends with the store, and what it left is removed at the next start.
    if (!this.#kill) return;
    this.#kill();
    await this.#underWay?.ends;
  }

  #plan(): void {
    const { clock, settings } = this.#parts;
    this.#nextMs = settings.schedule === null ? null : nextCronMs(settings.schedule, clock.nowMs(), settings.timeZone);
  }

  #wait(): void {
    const { clock } = this.#parts;
    const leftMs = this.#nextMs === null ? lookMs : this.#nextMs - clock.nowMs();
    this.#timer = clock.after(Math.min(lookMs, Math.max(shortestMs, leftMs)), () => {
      this.#look();
      if (!this.#isStopped) this.#wait();
    });
  }

  #look(): void {
    const { clock, log } = this.#parts;
    void this.#tell();
    if (this.#nextMs === null || clock.nowMs() < this.#nextMs || this.#underWay) return;
    this.#plan();
    this.begin({ isScheduled: true }).catch((error) => log.warn({ err: error }, 'the scheduled backup did not begin'));
  }

  async #run(name: string, atMs: number, recipients: string[]): Promise<void> {
    const { clock, log, settings } = this.#parts;
    const begunMs = clock.monotonicMs();
    // Whoever began it is answered first.
    await Promise.resolve();
    let ended: BackupEnded;
    try {
      const { bytes } = await this.#make(name, atMs, recipients);
      const seconds = Math.round((clock.monotonicMs() - begunMs) / 100) / 10;
      ended = { backup: name, bytes, seconds };
      this.#last = { name, atMs, bytes, seconds };
      this.#failed = null;
      log.info({ ...ended, folder: settings.folder }, 'a backup was made');
    } catch (error) {
      const problem = errnoSentence(error) ?? (error as Error).message;
      ended = { problem };
      this.#failed = { atMs: clock.nowMs(), problem };
      log.error({ err: error }, 'a backup could not be made');
    }
    this.#removeRemains();
    if ('backup' in ended) await this.#removeOutdated();
    this.#underWay = null;
    if (!this.#isStopped) await this.#tell(ended);
  }

  async #make(name: string, atMs: number, recipients: string[]): Promise<{ bytes: number }> {
    const { settings, store } = this.#parts;
    const { data, folder, without, further, fleet, version } = settings;
    const staging = join(data, stagingName);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const left = [folder, ...without];
    await this.#refuseFullDisk(left);
    mkdirSync(staging, { recursive: true, mode: 0o700 });
    await store.copyTo(join(staging, databaseName));
    const target = join(folder, name);
    const order: PackOrder = { data, staging, without: left, further, target, recipients, fleet, version, atMs };
    const packed = await this.#pack(order);
    if ('problem' in packed) throw new FleetError('storage-failed', { detail: packed.problem });
    return packed;
  }

  async #refuseFullDisk(without: string[]): Promise<void> {
    const { data, folder } = this.#parts.settings;
    const files = await filesToKeep(data, without);
    let bytes = 0;
    for (const path of [...files, databaseName, `${databaseName}-wal`])
      bytes += statSync(join(data, path), { throwIfNoEntry: false })?.size ?? 0;
    const isOneDisk = statSync(data).dev === statSync(folder).dev;
    const packedBytes = Math.ceil(bytes * packedShare);
    const needs = isOneDisk
      ? [{ path: data, bytes: bytes + packedBytes }]
      : [
          { path: data, bytes },
          { path: folder, bytes: packedBytes },
        ];
    for (const need of needs) {
      const free = freeBytesOf(statfsSync(need.path));
      if (free < need.bytes)
        throw new FleetError('storage-failed', {
          detail: `a backup needs about ${mib(need.bytes)} MiB on the disk of ${need.path}, and ${mib(free)} MiB are free. Free some space, or name a folder on another disk (--backup-folder).`,
        });
    }
  }

  #pack(order: PackOrder): Promise<Packed> {
    if (this.#isStopped) throw new FleetError('unavailable', { detail: 'the coordinator stopped' });
    return new Promise((resolve, reject) => {
      const child = fork(new URL(processFile, import.meta.url).pathname, [], {
        execArgv: ['--disable-warning=ExperimentalWarning'],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      this.#kill = () => child.kill('SIGKILL');
      child.on('error', reject);
      child.on('message', (packed: Packed) => resolve(packed));
      child.on('close', (code, signal) => {
        this.#kill = null;
        reject(new FleetError('storage-failed', { detail: `the process that packs it ended (${code ?? signal})` }));
      });
      child.send(order, (error) => error && reject(error));
    });
  }

  /** Half-made files, of this process or of one that was killed. */
  #removeRemains(): void {
    const { data, folder } = this.#parts.settings;
    rmSync(join(data, stagingName), { recursive: true, force: true });
    for (const name of namesIn(folder))
      if (name.endsWith('.part') && readBackupName(name.slice(0, -'.part'.length)))
        rmSync(join(folder, name), { force: true });
  }

  async #removeOutdated(): Promise<void> {
    const { settings, log } = this.#parts;
    for (const { name } of outdated(this.list(), settings.keep)) {
      try {
        await this.remove(name);
        log.info({ backup: name }, 'an old backup was removed');
      } catch (error) {
        log.warn({ err: error, backup: name }, 'an old backup could not be removed');
      }
    }
  }

  #tell(ended?: BackupEnded): Promise<void> {
    const { settings, told, log } = this.#parts;
    const { schedule, timeZone } = settings;
    const lastMs = this.#last?.atMs ?? null;
    const dueMs = schedule === null ? null : nextCronMs(schedule, lastMs ?? this.#startedMs, timeZone);
    const stand: BackupStand = {
      problem: this.#failed?.problem ?? null,
      failedMs: this.#failed?.atMs ?? null,
      lastMs,
      // The machine may have been off at that time.
      missingFromMs: dueMs === null ? null : Math.max(dueMs, this.#startedMs) + graceMs,
    };
    return told(stand, ended).catch((error) => log.warn({ err: error }, 'how a backup ended could not be stored'));
  }
}

const mib = (bytes: number) => Math.ceil(bytes / 1024 ** 2);

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // It is made with the first backup.
    return [];
  }
}
