// Heat, throttling and the power supply: thermal zones, the Pi firmware's flags, the rpi_volt sensor, x86 throttle counters.
import type { Files } from './files.ts';
import type { ProgramOptions } from './programs.ts';

interface NowAndSinceBoot {
  now: boolean;
  sinceBoot: boolean;
}
interface Power {
  temperatureC?: number;
  throttled?: NowAndSinceBoot;
  undervoltage?: NowAndSinceBoot;
}

/** The firmware's flags; bits 0-3 now, 16-19 since boot: undervoltage, frequency capped, throttled, soft temperature limit. */
export const vcgencmd: Pick<ProgramOptions<number>, 'paths' | 'args' | 'read' | 'everyMs' | 'deadlineMs'> = {
  paths: ['/usr/bin/vcgencmd', '/opt/vc/bin/vcgencmd'],
  args: ['get_throttled'],
  everyMs: 60_000,
  deadlineMs: 5_000,
  read: ({ stdout }) => readFlags(stdout),
};
/** Reads `throttled=0x50005`, or the bare hex of sysfs. */
export function readFlags(output: string): number | null {
  const found = /^(?:throttled=)?(?:0x)?([0-9a-f]{1,8})$/i.exec(output.trim());
  return found ? Number.parseInt(found[1] as string, 16) : null;
}

/** Raspberry Pi OS has the flags in a file; then nothing needs to be spawned. */
export function findFlagsFile(files: Files): string | null {
  const folder = '/sys/devices/platform';
  for (const soc of files.list(folder).filter((name) => /^soc(@|$)/.test(name))) {
    for (const device of files.list(`${folder}/${soc}`).filter((name) => name.endsWith('firmware'))) {
      const path = `${folder}/${soc}/${device}/get_throttled`;
      if (files.exists(path)) return path;
    }
  }
  return null;
}

/** `flags`: the last answer of vcgencmd, where there is no file. */
export function createPowerProbe(files: Files, flags: () => number | null): () => Power {
  const sensorFiles = temperatureFiles(files);
  const flagsFile = findFlagsFile(files);
  const sensors = files.list('/sys/class/hwmon').map((name) => `/sys/class/hwmon/${name}`);
  const volt = sensors.find((path) => files.text(`${path}/name`)?.trim() === 'rpi_volt');
  // Kernels slow a hot CPU down through its cooling device; Intel also counts the events.
  const cooling = files
    .list('/sys/class/thermal')
    .filter((name) => name.startsWith('cooling_device'))
    .map((name) => `/sys/class/thermal/${name}`)
    .filter((path) => /cpufreq|cpu-freq/.test(files.text(`${path}/type`) ?? ''));
  const countFile = '/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count';
  let count = files.number(countFile);
  const seen = { throttled: false, undervoltage: false };

  return () => {
    const power: Power = {};
    const temperatureC = firstTemperature(files, sensorFiles);
    if (temperatureC !== null) power.temperatureC = temperatureC;

    const bits = flagsFile === null ? flags() : readFlags(files.text(flagsFile) ?? '');
    const alarm = volt ? files.number(`${volt}/in0_lcrit_alarm`) : null;
    if (bits !== null || alarm !== null) {
      const now = ((bits ?? 0) & 0x1) !== 0 || alarm === 1;
      // rpi_volt clears the firmware's flag at each reading, so it is remembered here too.
      seen.undervoltage ||= now || ((bits ?? 0) & 0x1_0000) !== 0;
      power.undervoltage = { now, sinceBoot: seen.undervoltage };
    }
    const newCount = files.number(countFile);
    if (bits !== null || newCount !== null || cooling.length > 0) {
      const cooled = cooling.some((path) => (files.number(`${path}/cur_state`) ?? 0) > 0);
      const now = ((bits ?? 0) & 0xe) !== 0 || cooled || (newCount ?? 0) > (count ?? 0);
      seen.throttled ||= now || ((bits ?? 0) & 0xe_0000) !== 0 || (newCount ?? 0) > 0;
      power.throttled = { now, sinceBoot: seen.throttled };
      count = newCount;
    }
    return power;
  };
}

/** A broken or unconnected sensor reports 0 K, 255 or the last value of its register. */
const coldestC = -50;
const hottestC = 150;
/** Null for a temperature that no part of a machine can have. */
export function plausibleC(degrees: number | null): number | null {
  return degrees !== null && degrees >= coldestC && degrees <= hottestC ? degrees : null;
}

function firstTemperature(files: Files, paths: readonly string[]): number | null {
  for (const path of paths) {
    const milli = files.number(path);
    const degrees = plausibleC(milli === null ? null : milli / 1000);
    if (degrees !== null) return degrees;
  }
  return null;
}

/** Sensors, the CPU's first: by the zone's name, then by the driver's, else any zone; boards have others for Wi-Fi, battery and NVMe. */
function temperatureFiles(files: Files): string[] {
  const zones = files
    .list('/sys/class/thermal')
    .filter((name) => name.startsWith('thermal_zone'))
    .map((name) => ({
      path: `/sys/class/thermal/${name}/temp`,
      type: files.text(`/sys/class/thermal/${name}/type`)?.trim() ?? '',
    }));
  const ofCpu = ({ type }: { type: string }) => /^(cpu[-_]thermal|x86_pkg_temp|cpu.*)$/i.test(type);
  const drivers = files
    .list('/sys/class/hwmon')
    .map((name) => `/sys/class/hwmon/${name}`)
    .filter((path) => /^(coretemp|k10temp|cpu_thermal|zenpower)$/.test(files.text(`${path}/name`)?.trim() ?? ''));
  return [
    ...zones.filter(ofCpu).map(({ path }) => path),
    ...drivers.map((path) => `${path}/temp1_input`),
    ...zones.filter((zone) => !ofCpu(zone)).map(({ path }) => path),
  ].filter((path) => files.number(path) !== null);
}
