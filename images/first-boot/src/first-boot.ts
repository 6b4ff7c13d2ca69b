// One run of the first boot: find the personal file, do what it says, join the fleet, remove the secrets, say beside it what holds. It runs at
// each start of the machine, and does nothing where the file is the one that is done. A power cut at any moment only makes the next start
// do the same once more.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { maxPersonalFileBytes, type PersonalFile, type ReadPersonalFile } from '@blackroad/protocol/personal-file';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { saveWhole } from '@blackroad/std/whole-file';
import { type CardFile, mayBePersonal, personalAmong } from './card-files.ts';
import { type Machine, make, textAt } from './carry-out.ts';
import { joinFleet, nodeHere, startNode } from './join-fleet.ts';
import { type Led, ledAt } from './led.ts';
import { places } from './places.ts';
import { type Facts, plan } from './plan.ts';
import { type Done, nothingText, type Outcome, resultText } from './result-text.ts';
import { Taken } from './taken.ts';
import { boardAt, type FirstStep, grownBytes, tell } from './tell.ts';

interface Around {
  machine: Machine;
  clock: Clock;
  random: Random;
}
type Read = Extract<ReadPersonalFile, { file: PersonalFile }>;

export async function firstBoot(around: Around): Promise<void> {
  const { machine } = around;
  const card = join(machine.root, places.boot);
  const taken = await Taken.open(join(machine.root, places.state), card);
  const led = ledAt(join(machine.root, places.leds));
  const found = personalAmong(cardFiles(card));
  if ('none' in found) {
    // A node whose file was deleted needs none.
    if (found.names.length > 0) led.blink('fault');
    if (found.names.length > 0 || nodeHere(machine) === null) await say(machine, nothingText(found.none));
    return;
  }
  const { file, read } = found;
  const { name } = file;
  if (read.faults) {
    led.blink('fault');
    const { faults, putRight } = read;
    await say(machine, resultText({ name, faults, putRight, done: [], fleet: '', wiped: false }));
    return;
  }
  if (taken.isDone(file)) return;
  if (Object.keys(read.file).length === 0) {
    if (nodeHere(machine) === null)
      await say(machine, nothingText(`${name} says nothing yet: all of it is commented out.`));
    return;
  }
  if (isReadOnly(machine)) await makeWritable(name, led, machine);
  else await take(file, read, { ...around, taken, led });
}

/** What is set in a read-only system is lost with the power: it starts once without that, and the file says what holds afterwards. */
async function makeWritable(name: string, led: Led, machine: Machine): Promise<void> {
  const isOn = existsSync(join(machine.root, places.rootOnCard, places.readOnly));
  const { code, err } = isOn
    ? await machine.run(['blackroad-read-only', 'off'], restartMs)
    : { code: 1, err: 'it stayed read-only over a start' };
  const why = code === 0 ? 'It starts once more to take it.' : `It cannot be made writable: ${err}`;
  await say(machine, nothingText(`${name} is new, and the system is read-only. ${why}`));
  if (code === 0) await machine.run(['systemctl', 'reboot'], restartMs);
  else led.blink('fault');
}

async function take(
  file: CardFile,
  { file: personal, putRight }: Read,
  around: Around & { taken: Taken; led: Led },
): Promise<void> {
  const { machine, taken, led } = around;
  const settings = plan(personal, factsOf(machine.root));
  const done: Done[] = [];
  for (const setting of settings) done.push(await make(setting, machine));
  const told = (fleet: string, wiped: boolean): Outcome => ({
    name: file.name,
    faults: [],
    putRight,
    done,
    fleet,
    wiped,
  });
  const was = nodeHere(machine);
  if (personal.join !== undefined && was === null) {
    const tells = teller(file.name, personal.join, personal, done, around);
    const waits = async (why: string) => {
      led.blink('waiting');
      await say(machine, resultText(told(`not joined yet, and tried again and again. The last time: ${why}`, false)));
      await tells([{ step: 'joining', text: why, problem: true }]);
    };
    await say(machine, resultText(told('joining', false)));
    await tells([{ step: 'joining' }]);
    const { join: token, name, labels } = personal;
    await joinFleet({ token, name, labels }, { ...around, waits });
    await startNode(machine, personal.ollama === true);
    await tells([{ step: 'joining' }, { step: 'joined' }], nodeHere(machine));
  }
  led.rest();
  const node = nodeHere(machine);
  const isHeld = done.every(({ problem }) => problem === null);
  const isWifiHeld = settings.every(({ field }, at) => field !== 'wifi' || done[at]?.problem === null);
  // A password that is not in the network's configuration yet is needed once more.
  const wiped = isWifiHeld ? await taken.removeSecrets(file) : null;
  await say(machine, resultText(told(standing(was, node, personal), wiped !== null)));
  if (isHeld) await taken.setDone(wiped ?? file);
  else led.blink('fault');
  if (isHeld && settings.some(({ needsRestart }) => needsRestart))
    await machine.run(['systemctl', 'reboot'], restartMs);
}

const restartMs = 30_000;
const mountMs = 30_000;

/** A report that arrives says that the Pi is online. */
function teller(
  fileName: string,
  token: string,
  { name, ollama }: PersonalFile,
  done: readonly Done[],
  { machine, clock }: Around,
) {
  const grown = grownBytes(machine.root);
  const failed = done.filter(({ problem }) => problem !== null);
  const words = (failed.length > 0 ? failed : done).map(({ about, problem }) =>
    problem ? `${about}: ${problem}` : about,
  );
  const before: FirstStep[] = [
    { step: 'started', text: `read ${fileName}` },
    ...(grown === null ? [] : [{ step: 'grown' as const, text: `${(grown / 1e9).toFixed(1)} GB` }]),
    { step: 'set', text: words.join(', '), ...(failed.length > 0 ? { problem: true } : {}) },
    { step: 'online' },
  ];
  const hostName = textAt(join(machine.root, '/proc/sys/kernel/hostname'))?.trim() || 'raspberry-pi';
  const board = boardAt(machine.root);
  return (steps: FirstStep[], node: string | null = null) =>
    tell(
      token,
      {
        board,
        name: name ?? hostName,
        ...(ollama ? { ollama } : {}),
        steps: [...before, ...steps],
        ...(node === null ? {} : { node }),
      },
      clock,
    );
}

function standing(was: string | null, node: string | null, { join: token, name, labels }: PersonalFile): string {
  if (node === null) return 'not joined. A line `join:` with a join token makes this Pi a node.';
  if (was === null) return `this Pi has joined as node ${node}.`;
  const words = [`this Pi is node ${node} already.`];
  if (token !== undefined) words.push('The join token was not needed.');
  if ((name !== undefined && name !== node) || labels !== undefined)
    words.push('Its name and its labels in the fleet stay; the console changes them.');
  return words.join(' ');
}

function cardFiles(card: string): CardFile[] {
  return readdirSync(card)
    .filter((name) => mayBePersonal(name) && statSync(join(card, name)).isFile())
    .map((name) => ({ name, bytes: beginning(join(card, name)) }));
}
/** A byte more than such a file may have says that it is too long. */
function beginning(path: string): Uint8Array {
  return readFileSync(path).subarray(0, maxPersonalFileBytes + 1);
}

function factsOf(root: string): Facts {
  const text = (path: string) => textAt(join(root, path)) ?? '';
  const users = text(places.users)
    .split('\n')
    .map((line): [string, number] => [line.split(':')[0] as string, Number(line.split(':')[2])]);
  return {
    hosts: text(places.hosts),
    users: new Map(users.filter(([name]) => name !== '')),
    wifi: text(places.wifi),
    isSshOpen: textAt(join(root, places.sshOpening)) !== null,
    isReadOnlyWanted: textAt(join(root, places.readOnly)) !== null,
  };
}

const isReadOnly = ({ root }: Machine) => existsSync(join(root, places.rootOnCard, 'etc'));

/** A card wears out by writing: the same text is not written again. Of a read-only system the boot partition is writable for that moment only. */
async function say(machine: Machine, text: string): Promise<void> {
  const path = join(machine.root, places.boot, places.result);
  if (textAt(path) === text) return;
  const remount = (as: 'ro' | 'rw') => machine.run(['mount', '-o', `remount,${as}`, places.boot], mountMs);
  if (!isReadOnly(machine)) return saveWhole(path, text);
  await remount('rw');
  try {
    await saveWhole(path, text);
  } finally {
    await remount('ro');
  }
}
