// Bad health in plain words, and as one figure for placement. Thresholds stand here with their reasons; nothing here acts on them.
import { classes, cloudClass, type NodeCapacity, type NodeHealth, type NodeInfo } from '@blackroad/protocol';
import type { DeepReadonly } from '../view.ts';

export interface Condition {
  severity: 'warning' | 'error';
  text: string;
}

/** A Pi slows down at 80 C and at 85 C for good. */
const hotC = 80;
const overheatedC = 85;
const gpuHotC = 90;
const gib = 1024 ** 3;
const diskLowBytes = 2 * gib;
const diskFullBytes = gib / 2;
/** A 32 GB card bears some tens of terabytes, and small writes cost it several times their size: at this rate it lasts a year or two. */
const sdWearBytesPerDay = 10e9;
const weakWifiDbm = -80;
const lowMemoryShare = 0.05;

interface Sign extends Condition {
  /** What is left of the node's worth for placement. */
  factor: number;
}
/** How the condition of a machine without a chat model begins. */
export const noModel = 'no model';
const withoutModels = new Set([...classes, cloudClass].filter(({ models }) => !models).map(({ name }) => name));
const signs: ((health: DeepReadonly<NodeHealth>, info: DeepReadonly<NodeInfo> | null) => Sign | null)[] = [
  ({ readOnlyDisk }) =>
    readOnlyDisk ? error('the disk is read-only: nothing can be remembered; the SD card may be dying', 0) : null,
  ({ undervoltage }) =>
    undervoltage?.now
      ? error('power supply too weak: undervoltage now', 0.3)
      : undervoltage?.sinceBoot
        ? warning('power supply too weak at times: undervoltage since the boot', 0.7)
        : null,
  ({ temperatureC }) =>
    temperatureC === undefined || temperatureC < hotC
      ? null
      : temperatureC >= overheatedC
        ? error(`overheated: ${Math.round(temperatureC)} °C; it needs cooling`, 0.3)
        : warning(`hot: ${Math.round(temperatureC)} °C; it needs cooling`, 0.6),
  ({ throttled }) =>
    throttled?.now
      ? warning('throttled now: it runs slower than it could', 0.5)
      : throttled?.sinceBoot
        ? warning('was throttled since the boot', 0.9)
        : null,
  ({ diskFreeBytes }) =>
    diskFreeBytes >= diskLowBytes
      ? null
      : diskFreeBytes < diskFullBytes
        ? error(`disk full: ${gibText(diskFreeBytes)} left`, 0.2)
        : warning(`disk nearly full: ${gibText(diskFreeBytes)} left`, 0.7),
  ({ memoryFreeBytes }, info) =>
    info && memoryFreeBytes < info.memoryBytes * lowMemoryShare
      ? warning(`memory nearly full: ${gibText(memoryFreeBytes)} left`, 0.6)
      : null,
  ({ clockSynced }) =>
    clockSynced === false ? warning('clock not synced: its times for memories and logs are guesses', 0.9) : null,
  ({ sdWrittenBytesPerDay = 0 }) =>
    sdWrittenBytesPerDay > sdWearBytesPerDay
      ? warning(`SD card wear: ${(sdWrittenBytesPerDay / 1e9).toFixed(1)} GB written a day`, 0.8)
      : null,
  ({ wifi }) =>
    wifi && wifi.signalDbm < weakWifiDbm ? warning(`weak Wi-Fi: ${Math.round(wifi.signalDbm)} dBm`, 0.8) : null,
  (health) => {
    const lost = (health.gpuTroubles ?? []).filter(({ kind }) => kind === 'lost');
    const silent = (health.gpuTroubles ?? []).find(({ kind }) => kind === 'silent');
    if (silent) return error(`its GPU does not answer: ${silent.text}; it takes nothing new`, 0);
    if (lost.length === 0) return null;
    const which = lost.map(({ text }) => text).join(', ');
    const what = lost.length === 1 ? 'a GPU is lost' : `${lost.length} GPUs are lost`;
    return hasNoGpuLeft(health)
      ? error(`${what}: ${which}; it takes nothing new until it is started anew`, 0)
      : error(`${what}: ${which}; the machine needs to be started anew`, 0.3);
  },
  ({ gpuTroubles = [] }) => {
    const warnings = gpuTroubles.filter(({ kind }) => kind === 'warning');
    return warnings.length > 0 ? warning(`GPU warning: ${warnings.map(({ text }) => text).join(', ')}`, 0.9) : null;
  },
  ({ gpus }) => {
    const hottest = Math.max(...(gpus ?? []).map(({ temperatureC }) => temperatureC ?? 0));
    return hottest >= gpuHotC ? warning(`GPU hot: ${Math.round(hottest)} °C`, 0.6) : null;
  },
];

/** It had a GPU and none works or answers now: models there would fail, or run on its processor a hundred times slower. */
export function hasNoGpuLeft({ gpus = [], gpuTroubles = [] }: DeepReadonly<NodeHealth>): boolean {
  return gpus.length === 0 && gpuTroubles.some(({ kind }) => kind !== 'warning');
}

/** What is wrong with a node, worst first; empty when nothing is, or when nothing was heard yet. */
export function conditionsOf(
  health: DeepReadonly<NodeHealth> | null,
  info: DeepReadonly<NodeInfo> | null,
  capacity: DeepReadonly<NodeCapacity> | null = null,
): Condition[] {
  return [...signsOf(health, info), ...modelSigns(info, capacity)]
    .map(({ severity, text }) => ({ severity, text }))
    .sort((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'));
}

/** A machine that should run models and has none. Placement sees that by its models; its health is no worse for it. */
function modelSigns(info: DeepReadonly<NodeInfo> | null, capacity: DeepReadonly<NodeCapacity> | null): Condition[] {
  if (!info || !capacity || withoutModels.has(info.class)) return [];
  if (capacity.models.some(({ kind }) => kind === 'chat')) return [];
  return [{ severity: 'warning', text: `${noModel}: ${capacity.noModel ?? 'agents cannot answer there'}` }];
}

/** 1: well. 0: nothing should be placed here. A node not heard of since the start counts as nearly well. */
export function healthScore(
  health: DeepReadonly<NodeHealth> | null,
  info: DeepReadonly<NodeInfo> | null = null,
): number {
  if (!health) return 0.9;
  return signsOf(health, info).reduce((score, { factor }) => score * factor, 1);
}

function signsOf(health: DeepReadonly<NodeHealth> | null, info: DeepReadonly<NodeInfo> | null): Sign[] {
  if (!health) return [];
  return signs.map((sign) => sign(health, info)).filter((sign) => sign !== null);
}
function warning(text: string, factor: number): Sign {
  return { severity: 'warning', text, factor };
}
function error(text: string, factor: number): Sign {
  return { severity: 'error', text, factor };
}
function gibText(bytes: number): string {
  return `${(bytes / gib).toFixed(1)} GiB`;
}
