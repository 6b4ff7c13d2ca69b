// Memories that people gave to an agent, and what a consolidation found, as the coordinator sends them to its writer. In: the messages `give`. Out: entries in the log, each
// once: the id of the order stands in the entry, and is looked up before one is written. The batch that brings the entries to the coordinator
// is the answer; what is not written here, for whatever reason, is sent again. They are embedded before they are written, as every memory is.
import { indexedText, isVector, type MemoryGive } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log as Logger } from '@blackroad/std/log';
import type { Embedder } from './agent-memory.ts';
import { type NewEntry, originOfGiven, payloadOf } from './chain.ts';
import { embedWithin } from './embed-within.ts';
import type { Journal } from './journal.ts';
import type { AgentLog } from './log-state.ts';
import * as writes from './log-writes.ts';
import type { Submit } from './sending.ts';

/** A Pi embeds a text in a tenth of a second; without vectors they are found by words, and get theirs later. */
const embedDeadlineMs = 15_000;

interface GivenParts {
  journal: Journal;
  writeContext: writes.WriteContext;
  logs: ReadonlyMap<string, AgentLog>;
  submit: Submit;
  embed: Embedder;
  clock: Clock;
  log: Logger;
  /** Aborted when the node-agent stops. */
  closing: AbortSignal;
}

/** Returns the receiver of such messages. */
export function createGiven(parts: GivenParts): (message: MemoryGive) => void {
  const { journal, writeContext: w, logs, submit, clock, log: logger, closing } = parts;
  /** Agents whose message is being written: another one is dropped, and comes again. */
  const busy = new Set<string>();

  async function write(log: AgentLog, { epoch, memories }: MemoryGive): Promise<void> {
    const fresh = memories.filter(({ given }) => !journal.hasOrigin(log.row.id, originOfGiven(given)));
    if (fresh.length === 0) return;
    // A mark is found by the entry that it marks, and what ends a key is not looked for.
    const told = fresh.filter((memory) => memory.kind !== 'mark' && indexedText(memory) !== '');
    const texts = told.map(indexedText);
    const limits = { withinMs: embedDeadlineMs, signals: [closing], clock, log: logger };
    const embedded = told.length > 0 ? await embedWithin(parts.embed, texts, limits) : null;
    if (closing.aborted) return;
    const entries = fresh.map((memory): NewEntry => {
      const vector = embedded?.vectors[told.indexOf(memory)];
      const { given, kind, document, imported, mark } = memory;
      const payload = payloadOf(
        memory,
        embedded && vector && isVector(vector) ? { model: embedded.model, vector } : null,
      );
      return {
        kind,
        actorId: `node:${w.node}`,
        createdAt: clock.nowMs(),
        payload: {
          ...payload,
          given,
          ...(document ? { document } : {}),
          ...(imported ? { imported } : {}),
          ...(mark ? { mark } : {}),
        },
      };
    });
    await submit(() => log.open && writes.give(w, log, epoch, entries), { weight: entries.length });
  }

  return (message) => {
    const { agent, epoch } = message;
    const log = logs.get(agent);
    if (!log?.open || log.row.id === 0 || log.row.epoch !== epoch || log.row.fenced || busy.has(agent)) return;
    busy.add(agent);
    write(log, message)
      .catch((error) => {
        if (!closing.aborted) logger.warn({ agent, err: error }, 'memories of a person could not be stored');
      })
      .finally(() => busy.delete(agent));
  };
}
