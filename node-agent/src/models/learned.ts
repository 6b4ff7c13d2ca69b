// Measurements of this node's models: how fast they answer, the most memory they held. Stored in one small file, so that a restart does not
// begin with guesses. Written seldom and only after a change, because the file is on an SD card: a power cut costs the last ten minutes of
// learning, never the file. Never stores anything that cannot be measured again.
import { readFileSync } from 'node:fs';
import type { Usage } from '@blackroad/model-server/chat';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { saveWholeNow } from '@blackroad/std/whole-file';
import { type OnDamage, setAside } from '../files/data-folder.ts';
import type { RuntimeModel } from '../runtimes/runtime.ts';
import { createSpeedBook, type LearnedSpeed } from '../runtimes/speed.ts';

interface Peak {
  model: string;
  bytes: number;
  /** The weights and the context of the measurement: with others the memory is different. */
  weights: string;
  context: number;
}
export interface Learned {
  learn(model: string, usage: Usage): void;
  speedOf(model: string): LearnedSpeed | undefined;
  /** Notes the memory that a loaded model holds now. */
  saw(model: RuntimeModel): void;
  /** 0 when the model was never seen loaded. */
  peakOf(model: RuntimeModel): number;
  close(): void;
}

const saveMs = 10 * 60_000;
/** A change below a tenth is not stored: two answers differ by as much. */
const newsShare = 0.1;
const maxModels = 256;

const weightsOf = (model: RuntimeModel) => model.digest || String(model.sizeBytes);

/** `path` may be `:memory:`. */
export function createLearned(parts: { path: string; clock: Clock; log: Log; onDamage?: OnDamage }): Learned {
  const { path, log } = parts;
  const speeds = createSpeedBook();
  const peaks = new Map<string, Peak>();
  let saved = '';
  if (path !== ':memory:') restore();
  // A node that gave no answer writes nothing until its stop: memory measurements alone are not worth a write.
  let answered = false;
  const timer = path === ':memory:' ? null : parts.clock.every(saveMs, () => answered && save());

  function restore(): void {
    try {
      const stored = JSON.parse(readFileSync(path, 'utf8')) as { speeds?: unknown; peaks?: unknown };
      speeds.restore(rowsOf(stored.speeds, ['prefillTps', 'decodeTps', 'loadMs', 'samples']) as LearnedSpeed[]);
      for (const peak of rowsOf(stored.peaks, ['bytes', 'context']) as Peak[]) peaks.set(peak.model, peak);
      saved = outline();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== undefined) {
        log.warn({ err: error, path }, 'what was learned of the models cannot be read; it is learned again');
        return;
      }
      const aside = setAside(path, parts.clock.nowMs());
      const text = `${path} was damaged (it is no JSON) and is set aside as ${aside}; the speeds of the models are learned again`;
      if (parts.onDamage) parts.onDamage(text);
      else log.warn({ path }, text);
    }
  }

  /** Equal for states that look the same to a person. */
  function outline(): string {
    const step = (value: number) => Math.round(Math.log1p(value) / Math.log1p(newsShare));
    return JSON.stringify([
      speeds
        .all()
        .map(({ model, prefillTps, decodeTps, loadMs }) => [model, ...[prefillTps, decodeTps, loadMs].map(step)]),
      [...peaks.values()].map(({ model, bytes, weights, context }) => [model, step(bytes), weights, context]),
    ]);
  }

  function save(): void {
    answered = false;
    const now = outline();
    if (now === saved) return;
    try {
      saveWholeNow(path, JSON.stringify({ speeds: speeds.all(), peaks: [...peaks.values()] }));
      saved = now;
    } catch (error) {
      log.warn({ err: error, path }, 'what was learned of the models cannot be kept');
    }
  }

  return {
    learn(model, usage) {
      answered = true;
      speeds.learn(model, usage);
    },
    speedOf: (model) => speeds.of(model),
    saw(model) {
      if (!model.resident || model.residentBytes === 0) return;
      const weights = weightsOf(model);
      const context = model.contextTokens * model.slots;
      const before = peaks.get(model.name);
      const same = before?.weights === weights && before.context === context;
      if (!before && peaks.size >= maxModels) peaks.delete(peaks.keys().next().value!);
      const bytes = Math.max(model.residentBytes, same ? before.bytes : 0);
      peaks.set(model.name, { model: model.name, bytes, weights, context });
    },
    peakOf(model) {
      const peak = peaks.get(model.name);
      return peak?.weights === weightsOf(model) ? peak.bytes : 0;
    },
    close() {
      timer?.cancel();
      if (timer) save();
    },
  };
}

/** The valid rows of a file that may be damaged: those with a name and all their figures. */
function rowsOf(value: unknown, figures: string[]): unknown[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, maxModels).filter((row: Record<string, unknown> | null) => {
    if (typeof row?.model !== 'string') return false;
    return figures.every((figure) => Number.isFinite(row[figure]) && (row[figure] as number) >= 0);
  });
}
