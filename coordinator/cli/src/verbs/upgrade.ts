// Verbs for the upgrade of the coordinator: what it would do, doing it and watching until it is over, the way back.
import { existsSync } from 'node:fs';
import {
  FleetError,
  type UpgradePlan,
  type UpgradeStand,
  type UpgradeView,
  upgradeEnds,
  upgradeWords,
} from '@blackroad/protocol';
import { sleep } from '@blackroad/std/clock';
import { holdProcess } from '@blackroad/std/hold-process';
import type { Verb, VerbCall } from '../verb.ts';
import { ago, bytes } from '../words.ts';
import { addRelease } from './releases.ts';

const lookMs = 500;
/** On top of its soak: unpacking, the backup and two starts on a slow machine. */
const patienceMs = 15 * 60_000;

function planWords({ version, release: _, ...plan }: UpgradePlan, own: string): string[] {
  const { awaySeconds, copyBytes, neededBytes, freeBytes, soakSeconds, limitSeconds, schema, isOlder } = plan;
  return [
    `${own} -> ${version}${isOlder ? ', which is older: add --older' : ''}`,
    `away      about ${awaySeconds} s without a coordinator; nodes work on meanwhile`,
    `copy      ${bytes(copyBytes)} of the database for the way back, and a backup before`,
    `disk      ${bytes(neededBytes)} needed and the backup, ${bytes(freeBytes)} free`,
    `database  ${schema ? `schema ${schema.from} -> ${schema.to}: going back later loses what came since` : 'stays as it is'}`,
    `soak      ${soakSeconds} s; when it is not well within ${limitSeconds} s, ${own} runs again by itself`,
  ];
}
function viewWords(view: UpgradeView, call: VerbCall): string {
  const { version, how, plan, last, back } = view;
  const lines =
    how !== ''
      ? [`The coordinator is ${version}.`, how]
      : plan
        ? planWords(plan, version)
        : [
            `There is no release here that is newer than ${version}. ${call.as.fleet('releases add <file.tar.gz>')} brings one.`,
          ];
  if (last) lines.push(`last      ${ago(last.atMs, call.clock.nowMs())}: ${upgradeWords(last)}`);
  if (back) lines.push(`back      ${call.as.fleet('upgrade back')} leads to ${back.version}`);
  return lines.join('\n');
}

/** The release that was typed: a version, a file, or nothing for the highest newer one. */
async function wanted(call: VerbCall): Promise<string | undefined> {
  const [typed] = call.args;
  if (typed === undefined) return undefined;
  if (existsSync(typed)) return (await addRelease(call, typed)).sha256;
  const { releases } = await call.client().call('upgrade');
  const found = releases.find(({ version, release }) => version === typed || release.startsWith(typed));
  if (found) return found.release;
  const there = releases.map(({ version }) => version).join(', ') || 'none';
  throw new FleetError('no-such-release', {
    detail: `There is no release ${typed} of the coordinator for its machine here, and no such file; there is: ${there}.`,
  });
}

/** Null while the coordinator is away: its file for this CLI is then not there either. */
async function lastOf(call: VerbCall): Promise<UpgradeStand | null> {
  try {
    return (await call.client().call('upgrade')).last;
  } catch (error) {
    if (error instanceof FleetError && ['no-coordinator', 'unavailable'].includes(error.code)) return null;
    throw error;
  }
}

/** Until it is over. The coordinator is away in the middle of it. */
async function watched(call: VerbCall, begunMs: number, limitSeconds: number): Promise<UpgradeStand> {
  const untilMs = call.clock.monotonicMs() + limitSeconds * 1000 + patienceMs;
  let shown = '';
  const letGo = holdProcess();
  try {
    while (!call.signal.aborted && call.clock.monotonicMs() < untilMs) {
      const last = await lastOf(call);
      if (last && last.atMs >= begunMs) {
        if (upgradeEnds.includes(last.state)) return last;
        if (last.state !== shown && !call.json) call.note(`${upgradeWords(last)} ...`);
        shown = last.state;
      }
      await sleep(call.clock, lookMs);
    }
  } finally {
    letGo();
  }
  throw new FleetError('unavailable', {
    detail: `It is not over; ${call.as.fleet('upgrade --check')} says how it stands.`,
  });
}

async function upgrade(call: VerbCall): Promise<void> {
  const client = call.client();
  const now = await client.call('upgrade');
  if (call.flags.check) {
    const release = now.how === '' ? await wanted(call) : undefined;
    const view = release === undefined ? now : await client.call('upgrade', { query: { release } });
    return call.show(view, () => viewWords(view, call));
  }
  if (now.how !== '') throw new FleetError('conflict', { detail: now.how });
  const release = await wanted(call);
  const begunMs = (
    await client.call('upgradeStart', {
      body: { ...(release === undefined ? {} : { release }), ...(call.flags.older ? { older: true } : {}) },
    })
  ).last?.atMs;
  const last = await watched(call, begunMs ?? 0, now.plan?.limitSeconds ?? 0);
  if (last.state !== 'committed') throw new FleetError('conflict', { detail: `${sentence(last)}.` });
  call.show(last, () => `${sentence(last)}.`);
}

async function back(call: VerbCall): Promise<void> {
  const view = await call.client().call('upgradeBack', { body: call.flags.lose ? { lose: true } : {} });
  const last = await watched(call, view.last?.atMs ?? 0, 0);
  if (last.state !== 'rolled-back') throw new FleetError('conflict', { detail: `${sentence(last)}.` });
  call.show(last, () => `${sentence(last)}.`);
}
function sentence(last: UpgradeStand): string {
  const words = upgradeWords(last);
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`;
}

export const upgradeVerbs: Verb[] = [
  {
    words: 'upgrade',
    args: '[release]',
    text: 'The coordinator upgrades itself to the highest newer release that it keeps, to a version of them, or to a file. It goes back by itself where that is not well.',
    flags: {
      check: { type: 'boolean', text: 'Only says what would happen; nothing is changed.' },
      older: { type: 'boolean', text: 'Consent to a version older than the one that runs.' },
    },
    run: upgrade,
  },
  {
    words: 'upgrade back',
    args: '',
    text: 'The coordinator runs the release that it ran before the upgrade, also when that was done.',
    flags: {
      lose: {
        type: 'boolean',
        text: 'Consent to a database that is as it was before the upgrade, where the older release cannot read the present one.',
      },
    },
    run: back,
  },
];
