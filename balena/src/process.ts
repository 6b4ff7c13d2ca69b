// The process that speaks with balena, started by the coordinator and ended with it. In: settings and calls over the channel to the
// coordinator. Out: answers and faults. It keeps nothing.
import { sentLog } from '@blackroad/std/sent-log';
import type { BalenaCall, FromBalena, ToBalena } from '../../coordinator/src/balena/wire.ts';
import { type Account, openAccount } from './account.ts';

const tell = (message: FromBalena) => {
  if (process.connected) process.send?.(message);
};
const log = sentLog(tell);

let account: Account | null = null;

async function answer(id: number, asked: BalenaCall): Promise<unknown> {
  if (account === null) throw new Error('the process that speaks with balena was given no settings');
  if (asked.call === 'look') return account.look((devices) => tell({ id, devices }));
  if (asked.call === 'pin') await account.pin(asked.device, asked.release);
  else await account.prepare(asked.device, asked.variables, asked.tag);
  return null;
}

async function settle(id: number, asked: BalenaCall): Promise<void> {
  try {
    tell({ id, value: await answer(id, asked) });
  } catch (error) {
    if (account === null) throw error;
    tell({ id, fault: account.faultOf(error) });
  }
}

function die(error: unknown): void {
  log.error({ err: String((error as Error).stack ?? error) }, 'the process that speaks with balena cannot go on');
  process.exit(70);
}

process.on('message', (message: ToBalena) => {
  if ('settings' in message) account = openAccount(message.settings);
  else settle(message.id, message).catch(die);
});
process.on('disconnect', () => process.exit(0));
// Ctrl-C goes to the whole group; the coordinator then ends this process.
process.on('SIGINT', () => {});
process.on('uncaughtException', die);
process.on('unhandledRejection', die);
