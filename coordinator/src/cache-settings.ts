// The model cache as the configuration wants it. In: the configuration. Out: its process.
import { join, resolve } from 'node:path';
import {
  maxHttpConnections,
  maxHttpStrangers,
  maxHttpStrangersPerAddress,
  maxHttpStrangersPerSubnet,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { judgeReader } from './bus/reader-judge.ts';
import type { CoordinatorConfig } from './config.ts';
import { doorLimits } from './door/door-limits.ts';
import type { Gate } from './fleet/gate.ts';
import { CacheProcess } from './model-cache/cache-process.ts';
import type { CacheSettings } from './model-cache/wire.ts';

interface Own {
  data: string;
  tls: CacheSettings['tls'];
  gate: Gate;
  clock: Clock;
  random: Random;
  log: Log;
}

/** `data`: the data folder. */
export function cacheOf(config: CoordinatorConfig, { data, tls, gate, clock, random, log }: Own): CacheProcess {
  const { port, host, cacheDir, cacheGib, cacheRate, cacheRegistry, cacheHub, cacheOllama, cacheOpen } = config;
  const strangers = {
    perAddress: maxHttpStrangersPerAddress,
    perSubnet: maxHttpStrangersPerSubnet,
    total: maxHttpStrangers,
  };
  return new CacheProcess({
    settings: {
      dir: cacheDir ? resolve(cacheDir) : join(data, 'model-cache'),
      host,
      port: port === 0 ? 0 : port + 3,
      openPort: cacheOpen === 'off' ? null : port === 0 ? 0 : port + 4,
      tls,
      limits: doorLimits(strangers),
      maxConnections: maxHttpConnections,
      maxBytes: cacheGib === 0 ? null : Math.floor(cacheGib * 1024 ** 3),
      bytesPerS: cacheRate === 0 ? null : Math.max(1, Math.floor(cacheRate * 1e6)),
      registryUrl: cacheRegistry === 'none' ? null : cacheRegistry.replace(/\/+$/, ''),
      hubUrl: cacheHub === 'none' ? null : cacheHub.replace(/\/+$/, ''),
      ollamaUrl: cacheOllama === 'none' ? null : cacheOllama.replace(/\/+$/, ''),
    },
    judge: (peer) => judgeReader(peer, gate, clock.nowMs()),
    ...{ clock, random, log },
  });
}
