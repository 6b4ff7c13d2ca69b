// Sensors that the kernel's own drivers read: DHT22 and BMP280 by iio, DS18B20 by 1-wire. In: the owner's list. Out: values with their units, or
// what is missing in words. The files are slow (a DS18B20 takes 0.8 s) and a DHT22 often answers at the second try.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, sleep, withDeadline } from '@blackroad/std/clock';
import type { ListedSensor } from './pins-file.ts';

interface Quantity {
  name: 'temperature' | 'humidity' | 'pressure';
  value: number;
  unit: '°C' | '%' | 'hPa';
}
const iio = '/sys/bus/iio/devices';
const wires = '/sys/bus/w1/devices';
const readMs = 5_000;
const tries = 3;
/** A DHT22 measures every two seconds. */
const againMs = 2_100;

/** Drivers by the kind of sensor: the name that the kernel gives the device begins so. */
const drivers = { dht22: 'dht11', bmp280: 'bm' } as const;
const overlays = {
  dht22: 'dtoverlay=dht11,gpiopin=4',
  bmp280: 'dtoverlay=i2c-sensor,bmp280',
  ds18b20: 'dtoverlay=w1-gpio',
};

/** @throws Error with words for people and agents */
export async function readSensor(sensor: ListedSensor, clock: Clock, root = '/'): Promise<Quantity[]> {
  const folder = await folderOf(sensor, root);
  for (let tried = 1; ; tried++) {
    try {
      return await withDeadline(clock, readMs, valuesOf(sensor, folder), () => new Error('it did not answer'));
    } catch (error) {
      if (tried >= tries)
        throw new Error(`${sensor.name} (${sensor.kind}) gives no value: ${(error as Error).message}.`);
      await sleep(clock, againMs);
    }
  }
}
/** Null: nothing is missing. */
export async function sensorProblem(sensor: ListedSensor, root = '/'): Promise<string | null> {
  try {
    await folderOf(sensor, root);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
export function quantityInWords({ name, value, unit }: Quantity): string {
  return `${name} ${Math.round(value * 10) / 10} ${unit}`;
}

async function folderOf({ name, kind, device }: ListedSensor, root: string): Promise<string> {
  const home = join(root, kind === 'ds18b20' ? wires : iio);
  const found: string[] = [];
  for (const each of await readdir(home).catch(() => [] as string[])) {
    const isIt =
      kind === 'ds18b20'
        ? each.startsWith('28-')
        : (await readFile(join(home, each, 'name'), 'utf8').catch(() => '')).startsWith(drivers[kind]);
    if (isIt) found.push(each);
  }
  if (device !== undefined) {
    if (found.includes(device)) return join(home, device);
    throw new Error(`${name}: there is no ${kind} called ${device}; there are: ${found.join(', ') || 'none'}.`);
  }
  const [only] = found;
  if (only === undefined)
    throw new Error(`${name}: this machine has no ${kind}; on a Pi, ${overlays[kind]} in config.txt loads its driver.`);
  if (found.length > 1) throw new Error(`${name}: name its device, as there are several: ${found.join(', ')}.`);
  return join(home, only);
}

async function valuesOf({ kind }: ListedSensor, folder: string): Promise<Quantity[]> {
  const thousandths = async (file: string) => numberIn(await readFile(join(folder, file), 'utf8')) / 1_000;
  const temperature = (value: number): Quantity => ({ name: 'temperature', value, unit: '°C' });
  switch (kind) {
    case 'ds18b20':
      return [
        temperature(
          await thousandths('temperature').catch(async () => slaveC(await readFile(join(folder, 'w1_slave'), 'utf8'))),
        ),
      ];
    case 'dht22': {
      const humidity = await thousandths('in_humidityrelative_input');
      return [temperature(await thousandths('in_temp_input')), { name: 'humidity', value: humidity, unit: '%' }];
    }
    case 'bmp280': {
      // Kilopascals.
      const pressure = numberIn(await readFile(join(folder, 'in_pressure_input'), 'utf8')) * 10;
      return [temperature(await thousandths('in_temp_input')), { name: 'pressure', value: pressure, unit: 'hPa' }];
    }
  }
}
function numberIn(text: string): number {
  const value = Number(text.trim());
  if (text.trim() === '' || !Number.isFinite(value)) throw new Error('its file has no number');
  return value;
}
/** `... crc=57 YES` and `... t=23125`; 85 °C is what it has before its first measurement. */
function slaveC(text: string): number {
  const found = /t=(-?\d+)/.exec(text)?.[1];
  if (!/YES/.test(text) || found === undefined) throw new Error('its answer was damaged');
  return Number(found) / 1_000;
}
