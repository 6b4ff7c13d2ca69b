// The triggers of all agents on this node: started and stopped with their agents, meant in the zone that they name, else in that of the
// fleet. In: assignments and the fleet's zone; out: `fire`, and in plain words which triggers do not fire as they are meant, for as
// long as that is so. Never throws for an expression or a zone: the other triggers of the agent go on.
import { type AssignedAgent, idOf } from '@blackroad/protocol';
import { isTimeZone } from '@blackroad/protocol/cron';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { AssignmentStore } from './assignment-store.ts';
import { startTrigger } from './triggers.ts';

/** As many as a heartbeat carries. */
const maxTroubles = 8;
const maxTroubleLength = 300;

export type AgentTriggers = ReturnType<typeof createAgentTriggers>;

export function createAgentTriggers(deps: {
  clock: Clock;
  log: Log;
  /** Keeps the fleet's zone for a start without the coordinator. */
  assignments: Pick<AssignmentStore, 'timeZone' | 'keepTimeZone'>;
  fire: (assigned: AssignedAgent, prompt: string) => void;
}) {
  const { clock, log, assignments, fire } = deps;
  const running = new Map<string, { stop(): void }[]>();
  const faults = new Map<string, string[]>();
  /** Agents with a trigger that names no zone. */
  const inFleetZone = new Set<string>();
  /** The fleet's zone as it was said last, until a trigger asks for it. */
  let saidZone: string | null = null;
  /** The fleet's zone where this machine's tables lack it. */
  let unknownZone: string | null = null;

  /**
   * The zone of triggers that name none. Looked up for the first of them: the tables of zones are 5 MB that a node without triggers
   * does not load.
   */
  function fleetZone(): string | undefined {
    const zone = saidZone;
    saidZone = null;
    if (zone !== null) {
      unknownZone = isTimeZone(zone) ? null : zone;
      if (unknownZone !== null)
        log.warn({ zone }, "this machine does not know the fleet's time zone: triggers keep to the one they have");
      else if (!assignments.keepTimeZone(zone))
        log.warn({ zone }, "the fleet's time zone cannot be stored: a start without the coordinator will not know it");
    }
    return assignments.timeZone ?? undefined;
  }

  function start(assigned: AssignedAgent): void {
    const { name, triggers } = assigned.spec;
    const id = idOf(assigned);
    stop(id);
    const started: { stop(): void }[] = [];
    const unread: string[] = [];
    for (const { cron, prompt, timeZone } of triggers) {
      if (timeZone === undefined) inFleetZone.add(id);
      try {
        started.push(startTrigger(cron, timeZone ?? fleetZone(), clock, () => fire(assigned, prompt)));
      } catch (error) {
        log.warn({ err: error, agent: name, cron, timeZone }, 'a trigger cannot be read and never fires');
        const isUnknown = timeZone !== undefined && !isTimeZone(timeZone);
        const why = isUnknown ? `this machine does not know the time zone ${timeZone}` : (error as Error).message;
        unread.push(`"${cron}" of ${name} never fires: ${why}`);
      }
    }
    if (started.length > 0) running.set(id, started);
    if (unread.length > 0) faults.set(id, unread);
  }
  function stop(id: string): void {
    for (const trigger of running.get(id) ?? []) trigger.stop();
    running.delete(id);
    faults.delete(id);
    inFleetZone.delete(id);
  }

  return {
    start,
    stop,
    stopAll(): void {
      for (const id of running.keys()) stop(id);
    },
    /** The fleet's zone, as the coordinator says it: the triggers of these agents are planned anew where it is another. */
    meanZone(zone: string, agents: Iterable<AssignedAgent>): void {
      if (zone === (saidZone ?? unknownZone ?? assignments.timeZone)) return;
      saidZone = zone;
      unknownZone = null;
      for (const assigned of agents) start(assigned);
    },
    /** What does not fire as it is meant, and why. */
    troubles(): string[] {
      const found = [...faults.values()].flat();
      if (unknownZone !== null && inFleetZone.size > 0) {
        const kept = assignments.timeZone === null ? "the machine's own" : assignments.timeZone;
        found.unshift(
          `those that name no time zone follow ${kept}: this machine does not know the fleet's, ${unknownZone}`,
        );
      }
      const shown = found.length > maxTroubles ? found.slice(0, maxTroubles - 1) : found;
      const more = found.length - shown.length;
      return [...shown.map((text) => text.slice(0, maxTroubleLength)), ...(more > 0 ? [`and ${more} more`] : [])];
    },
  };
}
