// One run of the first boot: find the personal file, do what it says, join the fleet, remove the secrets, say beside it what holds. It runs at
// each start of the machine, and does nothing where the file is the one that is done. A power cut at any moment only makes the next start
// do the same once more.
import { readdirSync, readFileSync, statSync } from 'node:fs';
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
    if (found.names.length > 0 || nodeHere(machine) === null) await say(card, nothingText(found.none));
    return;
  }
  const { file, read } = found;
  const { name } = file;
  if (read.faults) {
    led.blink('fault');
    const { faults, putRight } = read;
    await say(card, resultText({ name, faults, putRight, done: [], fleet: '', wiped: false }));
    return;
  }
  if (taken.isDone(file)) return;
  if (Object.keys(read.file).length === 0) {
    if (nodeHere(machine) === null)
      await say(card, nothingText(`${name} says nothing yet: all of it is commented out.`));
    return;
  }
  await take(file, read, { ...around, card, taken, led });
}

async function take(
  file: CardFile,
  { file: personal, putRight }: Read,
  around: Around & { card: string; taken: Taken; led: Led },
): Promise<void> {
  const { machine, card, taken, led } = around;
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
    const waits = (why: string) => {
      led.blink('waiting');
      void say(card, resultText(told(`not joined yet, and tried again and again. The last time: ${why}`, false)));
    };
    await say(card, resultText(told('joining', false)));
    const { join: token, name, labels } = personal;
    await joinFleet({ token, name, labels }, { ...around, waits });
    await startNode(machine);
  }
  led.rest();
  const node = nodeHere(machine);
  const isHeld = done.every(({ problem }) => problem === null);
  const isWifiHeld = settings.every(({ field }, at) => field !== 'wifi' || done[at]?.problem === null);
  // A password that is not in the network's configuration yet is needed once more.
  const wiped = isWifiHeld ? await taken.removeSecrets(file) : null;
  await say(card, resultText(told(standing(was, node, personal), wiped !== null)));
  if (isHeld) await taken.setDone(wiped ?? file);
  else led.blink('fault');
  if (isHeld && settings.some(({ needsRestart }) => needsRestart))
    await machine.run(['systemctl', 'reboot'], restartMs);
}

const restartMs = 30_000;

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

/** A card wears out by writing: the same text is not written again. */
async function say(card: string, text: string): Promise<void> {
  const path = join(card, places.result);
  if (textAt(path) !== text) await saveWhole(path, text);
}
