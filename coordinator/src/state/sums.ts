// What is measured of each node and agent for the gates of rollouts: sums over heartbeats, ends of attempts and broken connections. They
// begin anew at a mark; after a restart of the coordinator they begin at 0. Pure: a row is replaced, never altered.
import type { NodeHealth, TaskUsage } from '@blackroad/protocol';
import type { Sums } from './rollout-rows.ts';

/** A gap between two heartbeats that is longer than this was an absence. */
const maxGapMs = 180_000;

export const noSums: Sums = {
  ms: 0,
  lastMs: 0,
  beats: 0,
  done: 0,
  failed: 0,
  tokens: 0,
  decodeMs: 0,
  reconnects: 0,
  temperatureC: 0,
  temperatureBeats: 0,
  rssBytes: 0,
  rssLastBytes: 0,
  sdBytes: 0,
  sdBeats: 0,
};

export function addSums(a: Sums, b: Sums): Sums {
  return {
    ms: a.ms + b.ms,
    lastMs: Math.max(a.lastMs, b.lastMs),
    beats: a.beats + b.beats,
    done: a.done + b.done,
    failed: a.failed + b.failed,
    tokens: a.tokens + b.tokens,
    decodeMs: a.decodeMs + b.decodeMs,
    reconnects: a.reconnects + b.reconnects,
    temperatureC: a.temperatureC + b.temperatureC,
    temperatureBeats: a.temperatureBeats + b.temperatureBeats,
    rssBytes: a.rssBytes + b.rssBytes,
    rssLastBytes: b.beats > 0 ? b.rssLastBytes : a.rssLastBytes,
    sdBytes: a.sdBytes + b.sdBytes,
    sdBeats: a.sdBeats + b.sdBeats,
  };
}

export function withBeat(sums: Sums, health: NodeHealth, atMs: number): Sums {
  const { temperatureC, sdWrittenBytesPerDay, agentRssBytes } = health;
  const gapMs = sums.lastMs === 0 ? 0 : atMs - sums.lastMs;
  return {
    ...sums,
    ms: sums.ms + (gapMs > 0 && gapMs <= maxGapMs ? gapMs : 0),
    lastMs: atMs,
    beats: sums.beats + 1,
    temperatureC: sums.temperatureC + (temperatureC ?? 0),
    temperatureBeats: sums.temperatureBeats + (temperatureC === undefined ? 0 : 1),
    rssBytes: sums.rssBytes + agentRssBytes,
    rssLastBytes: agentRssBytes,
    sdBytes: sums.sdBytes + (sdWrittenBytesPerDay ?? 0),
    sdBeats: sums.sdBeats + (sdWrittenBytesPerDay === undefined ? 0 : 1),
  };
}
export function withDone(sums: Sums, usage: TaskUsage | null): Sums {
  const decodeMs = usage?.decodeMs ?? 0;
  return {
    ...sums,
    done: sums.done + 1,
    tokens: sums.tokens + (decodeMs > 0 ? (usage?.completionTokens ?? 0) : 0),
    decodeMs: sums.decodeMs + decodeMs,
  };
}
export const withFailed = (sums: Sums): Sums => ({ ...sums, failed: sums.failed + 1 });
export const withReconnect = (sums: Sums): Sums => ({ ...sums, reconnects: sums.reconnects + 1 });
