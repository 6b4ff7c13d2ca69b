// The models of this node over all its runtimes: what is there, which runtime serves a model, what `auto` means, who embeds,
// what was learned of their speed. Refreshed in the background; a heartbeat only reads. Never starts or stops a model server.
import { classes, cloudClass, type NodeCapacity, type NodeModel } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Embedder, Probes } from './contracts.ts';
import { type Admission, createAdmission } from './runtimes/admission.ts';
import type { PullProgress, Runtime, RuntimeModel, Usage } from './runtimes/runtime.ts';
import { RuntimeError } from './runtimes/runtime.ts';
import { createSpeedBook } from './runtimes/speed.ts';

interface Served {
  runtime: Runtime;
  model: RuntimeModel;
}
export interface ModelPool {
  readonly admission: Admission;
  labels(): string[];
  /** Asks every runtime again; keeps what it knew of one that does not answer, marked as not served. */
  refresh(): Promise<void>;
  find(name: string): Served | null;
  defaultChat(): string | null;
  embed: Embedder;
  learn(model: string, usage: Usage): void;
  capacity(boot: string): NodeCapacity;
  pull(model: string, onProgress: (progress: PullProgress) => void, signal: AbortSignal): Promise<void>;
  /** Loads a model ahead of its first task. */
  warm(model: string): void;
  close(): Promise<void>;
}

/** A single embedding must not wait behind a chat for longer than this; memory then stores the words alone. */
const embedWaitMs = 2000;
const refreshDeadlineMs = 5000;

export function createModelPool(parts: {
  runtimes: Runtime[];
  /** Asked at every refresh while no model runs: better runtimes than the present ones, or null. */
  lookAgain?: (present: readonly Runtime[]) => Promise<Runtime[] | null>;
  probes: Pick<Probes, 'modelMemory' | 'diskFreeBytes'>;
  nodeClass: string;
  queue: number;
  clock: Clock;
  log: Log;
}): ModelPool {
  const { probes, log } = parts;
  let { runtimes } = parts;
  const admission = createAdmission({ slots: 1, queue: parts.queue, clock: parts.clock });
  const speeds = createSpeedBook();
  const bandwidth = [...classes, cloudClass].find((row) => row.name === parts.nodeClass)?.bandwidthBytesPerS ?? 10e9;
  let served: Served[] = [];
  const warming = new Set<string>();

  function find(name: string): Served | null {
    return (
      served.find(({ model }) => model.name === name) ??
      served.find(({ model }) => model.aliases.includes(name)) ??
      null
    );
  }
  function defaultChat(): string | null {
    const chats = served.filter(({ model }) => model.kind === 'chat').map(({ model }) => model);
    const best = chats.toSorted((a, b) => Number(b.resident) - Number(a.resident) || b.sizeBytes - a.sizeBytes)[0];
    return best?.name ?? null;
  }
  function embedderModel(): Served | null {
    const all = served.filter(({ model }) => model.kind === 'embed');
    return all.find(({ model }) => model.resident) ?? all[0] ?? null;
  }

  return {
    admission,
    labels: () => runtimes.map((runtime) => runtime.label),
    find,
    defaultChat,
    async refresh() {
      const idle = admission.load().every(({ busy, waiting }) => busy + waiting === 0);
      const better = idle ? await parts.lookAgain?.(runtimes) : null;
      if (better) {
        const old = runtimes;
        runtimes = better;
        log.info({ runtimes: better.map(({ label }) => label) }, 'a model server was found');
        await Promise.all(old.map((runtime) => runtime.close()));
      }
      const found: Served[] = [];
      for (const runtime of runtimes) {
        try {
          for (const model of await runtime.models(AbortSignal.timeout(refreshDeadlineMs)))
            found.push({ runtime, model });
        } catch (error) {
          log.warn({ err: error, runtime: runtime.label }, 'a runtime does not say which models it has');
        }
      }
      for (const { model } of found) admission.setSlots(model.name, Math.max(1, model.slots));
      served = found;
    },
    async embed(texts, signal) {
      const embedder = embedderModel();
      if (!embedder) return null;
      const release = await admission.enter(embedder.model.name, signal, embedWaitMs);
      try {
        return {
          model: embedder.model.name,
          vectors: await embedder.runtime.embed(embedder.model.name, texts, signal),
        };
      } finally {
        release();
      }
    },
    learn: (model, usage) => speeds.learn(model, usage),
    capacity(boot) {
      const { totalBytes, freeBytes } = probes.modelMemory();
      return {
        boot,
        memoryTotalBytes: totalBytes,
        memoryFreeBytes: freeBytes,
        diskFreeBytes: probes.diskFreeBytes(),
        models: served.map(({ runtime, model }): NodeModel => {
          const learned = speeds.of(model.name);
          const prior = model.sizeBytes > 0 ? bandwidth / model.sizeBytes : 0;
          return {
            name: model.name,
            aliases: model.aliases,
            runtime: runtime.kind,
            kind: model.kind,
            sizeBytes: model.sizeBytes,
            contextTokens: model.contextTokens,
            resident: model.resident,
            residentBytes: model.residentBytes,
            parametersB: model.parametersB,
            slots: model.slots,
            tools: model.tools,
            speed: {
              prefillTps: learned?.prefillTps ?? 0,
              decodeTps: learned?.decodeTps || Math.round(prior * 10) / 10,
              samples: learned?.samples ?? 0,
            },
          };
        }),
        defaultChat: defaultChat(),
        embedder: embedderModel()?.model.name ?? null,
      };
    },
    async pull(model, onProgress, signal) {
      let refused: unknown = new RuntimeError('unsupported', 'no runtime of this node can fetch models');
      for (const runtime of runtimes) {
        try {
          for await (const progress of runtime.pull(model, signal)) onProgress(progress);
          return;
        } catch (error) {
          refused = error;
          if (!(error instanceof RuntimeError) || error.code !== 'unsupported') break;
        }
      }
      throw refused;
    },
    warm(name) {
      const found = find(name);
      if (!found || found.model.resident || warming.has(name)) return;
      warming.add(name);
      found.runtime
        .load(found.model.name, AbortSignal.timeout(600_000))
        .catch((error) => log.warn({ err: error, model: name }, 'a model could not be loaded ahead of its first task'))
        .finally(() => warming.delete(name));
    },
    async close() {
      await Promise.all(runtimes.map((runtime) => runtime.close()));
    },
  };
}
