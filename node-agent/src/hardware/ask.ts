// Asks systeminformation for everything that it tells of a machine, one function after the other, so that few programs run at once. Each has a
// deadline; one that gives no answer is named in words. Only for a process of its own: the library takes 11 MB.
import { systemClock, withDeadline } from '@blackroad/std/clock';
import si from 'systeminformation';
import type { Told } from './parts.ts';

const askMs = 15_000;
const late = () => new Error(`no answer within ${askMs / 1000} s`);

/** Each with what it tells, for words to people. */
const asked: [keyof Told, () => Promise<unknown>, string][] = [
  ['system', () => si.system(), 'the machine'],
  ['baseboard', () => si.baseboard(), 'its board'],
  ['bios', () => si.bios(), 'its firmware'],
  ['cpu', () => si.cpu(), 'its processor'],
  ['memLayout', () => si.memLayout(), 'its memory modules'],
  ['graphics', () => si.graphics(), 'its graphics cards'],
  ['diskLayout', () => si.diskLayout(), 'its disks'],
  ['networkInterfaces', () => si.networkInterfaces(), 'its network cards'],
  ['wifiInterfaces', () => si.wifiInterfaces(), 'its Wi-Fi'],
  ['usb', () => si.usb(), 'its USB devices'],
  ['battery', () => si.battery(), 'its batteries'],
];

export async function askMachine(): Promise<{ told: Told; lacks: string[] }> {
  const told: Record<string, unknown> = {};
  const lacks: string[] = [];
  for (const [name, ask, what] of asked) {
    try {
      told[name] = await withDeadline(systemClock, askMs, ask(), late);
    } catch (error) {
      lacks.push(`Nothing is known of ${what}: ${(error as Error).message}`);
    }
  }
  return { told: told as Told, lacks };
}
