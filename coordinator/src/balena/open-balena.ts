// Builds the driver of balena from the configuration of the coordinator. Null: it looks after no balena fleet.
import { maxBalenaDevices, maxBalenaReleases, maxRetryAfterS } from '@blackroad/protocol';
import { isBundle } from '@blackroad/std/own-version';
import type { CoordinatorConfig } from '../config.ts';
import { Balena } from './balena.ts';
import { BalenaProcess } from './balena-process.ts';

/** The workspace of balena-sdk, which `make balena` installs in a folder of the project. */
const home = isBundle(import.meta.url) ? null : new URL('../../../balena', import.meta.url).pathname;

export function openBalena(
  { balenaFleet, balenaToken, balenaApi }: CoordinatorConfig,
  parts: Omit<ConstructorParameters<typeof Balena>[0], 'settings' | 'process'>,
): Balena | null {
  if (balenaFleet === '') return null;
  const settings = {
    apiUrl: balenaApi.replace(/\/+$/, ''),
    token: balenaToken,
    fleets: balenaFleet.split(','),
    maxDevices: maxBalenaDevices,
    maxReleases: maxBalenaReleases,
    maxRetryAfterS,
  };
  return new Balena({ ...parts, settings, process: new BalenaProcess({ settings, home, ...parts }) });
}
