// Planted bugs, at least one for each kind of checker: each is inserted into a copy of the source and must be caught, in a world or by the
// test file that it names. A bug that is not caught shows a missing check. In: nothing. Out: `mutant <name> caught by <checker> after <n>
// seeds`, or by its file. Never changes the real tree.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Mutant {
  name: string;
  file: string;
  /** Must occur exactly once in the file. */
  search: string;
  replace: string;
  /** The test file that must fail; missing: a checker must catch the bug in a world. */
  test?: string;
}
const root = resolve(import.meta.dirname, '../..');
export const sourceOf = (file: string): string => readFileSync(join(root, file), 'utf8');

export const mutants: readonly Mutant[] = [
  {
    name: 'a-node-has-brought-everything-while-a-turn-runs',
    file: 'node-agent/src/assignment/assigned-agents.ts',
    search: 'void Promise.all([this.#ending.get(id), agent.idle()]).then',
    replace: 'void Promise.all([this.#ending.get(id)]).then',
    test: 'node-agent/src/assignment/assigned-agents.test.ts',
  },
  {
    name: 'an-agent-moves-before-its-memories-are-here',
    file: 'coordinator/src/memory/accept.ts',
    search: 'if (isWriter && message.durableSeq === head.seq && message.hash === head.hash)',
    replace: 'if (isWriter)',
    test: 'coordinator/src/fleet/planned-moves.test.ts',
  },
  {
    name: 'an-answer-to-an-earlier-question-moves-an-agent',
    file: 'coordinator/src/fleet/planned-moves.ts',
    search: 'asked.sinceMs !== leaving',
    replace: 'asked.sinceMs < (leaving ?? 0)',
    test: 'coordinator/src/fleet/planned-moves.test.ts',
  },
  {
    name: 'a-planned-move-waits-for-ever',
    file: 'coordinator/src/fleet/tick.ts',
    search: '  if (!resumed) judgeLeaving(draft);\n',
    replace: '',
    test: 'coordinator/src/fleet/planned-moves.test.ts',
  },
  {
    name: 'a-log-that-leaves-takes-what-people-give',
    file: 'node-agent/src/memory/log-writes.ts',
    search: 'log.row.fenced || log.leaving !== null) return;',
    replace: 'log.row.fenced) return;',
    test: 'node-agent/src/memory/leaving.test.ts',
  },
  {
    name: 'the-last-memories-are-said-to-be-brought-before-they-are',
    file: 'node-agent/src/memory/log-state.ts',
    search: "  if (log.head.seq > log.row.acked) return 'batch';\n",
    replace: "  if (log.leaving === null && log.head.seq > log.row.acked) return 'batch';\n",
    test: 'node-agent/src/memory/leaving.test.ts',
  },
  {
    name: 'a-node-confirms-an-erasure-that-it-did-not-carry-out',
    file: 'node-agent/src/memory/erasing.ts',
    search: 'w.unindexed.push(...journal.erase(agent, log?.row.id ?? 0, hashes));',
    replace: '',
  },
  {
    name: 'what-was-made-of-erased-memories-is-taken',
    file: 'coordinator/src/memory/erase.ts',
    search: 'payload.derivedFrom.some(isGone)',
    replace: 'payload.derivedFrom.every(() => false)',
    test: 'coordinator/src/proofs/erasing.test.ts',
  },
  {
    name: 'an-old-copy-of-a-node-is-not-told-again',
    file: 'coordinator/src/memory/erase.ts',
    search: 'of stands ? erasuresAfter',
    replace: 'of !stands ? erasuresAfter',
    test: 'coordinator/src/proofs/erasing.test.ts',
  },
  {
    name: 'a-log-that-does-not-verify-is-signed',
    file: 'coordinator/src/proofs/checkpoints.ts',
    search: `    if (fault !== null) {
      await this.noted(agent, fault);
      return null;
    }`,
    replace: '',
    test: 'coordinator/src/proofs/checkpoints.test.ts',
  },
  {
    name: 'a-node-takes-a-checkpoint-of-another-past',
    file: 'node-agent/src/memory/anchors.ts',
    search: 'after.entries === before.entries && after.head !== before.head',
    replace: 'after.entries === before.entries && false',
    test: 'node-agent/src/memory/anchors.test.ts',
  },
  {
    name: 'two-machines-of-a-site-restart-at-once',
    file: 'coordinator/src/rollouts/kinds/os.ts',
    search: 'return others.length > 0',
    replace: 'return others.length > 9',
    test: 'test/sim/rollouts/os.test.ts',
  },
  {
    name: 'a-machine-restarts-when-its-window-is-over',
    file: 'coordinator/src/rollouts/kinds/os.ts',
    search: '![nowMs, nowMs + osOrderMs].every(',
    replace: '![nowMs, nowMs].every(',
    test: 'coordinator/src/rollouts/os.test.ts',
  },
  {
    name: 'a-machine-that-was-told-to-restart-is-forgotten',
    file: 'coordinator/src/rollouts/restarts.ts',
    search: "|| view.nodes.get(subject)?.presence !== 'online'",
    replace: '',
    test: 'coordinator/src/rollouts/os.test.ts',
  },
  {
    name: 'placement-notes-what-is-not-yet-committed',
    file: 'coordinator/src/road/coordinator.ts',
    search: 'if (reason) reasons.push(reason);',
    replace: 'if (reason) { this.#planner.note([reason]); reasons.push({ ...reason, agents: [] }); }',
    test: 'coordinator/src/road/planning.test.ts',
  },
  {
    name: 'the-end-of-work-on-a-draining-node-is-no-reason-to-plan',
    file: 'coordinator/src/placement/plan/replan.ts',
    search: "leased.size === 1 ? 'ordinary' : null",
    replace: "leased.size === 0 ? 'ordinary' : null",
    test: 'coordinator/src/placement/plan/moves.test.ts',
  },
  {
    name: 'the-end-of-a-sign-is-no-reason-to-plan',
    file: 'coordinator/src/placement/plan/replan.ts',
    search: "return closedByHealth({ signs }) === null ? 'ordinary' : null;",
    replace: "return signs === null ? 'ordinary' : null;",
    test: 'coordinator/src/placement/plan/moves.test.ts',
  },
  {
    name: 'an-agent-that-leaves-its-node-is-no-reason-to-plan',
    file: 'coordinator/src/placement/plan/replan.ts',
    search: "return leaves || stays ? 'ordinary' : null;",
    replace: 'return null;',
    test: 'coordinator/src/placement/plan/moves.test.ts',
  },
  {
    name: 'a-forgotten-node-may-connect',
    file: 'coordinator/src/fleet/gate.ts',
    search: "if (!row) return { as: 'refused', reason: 'unknown-node' };",
    replace: "if (!row) return { as: 'node', node: claim.node };",
  },
  {
    name: 'an-old-key-may-connect',
    file: 'coordinator/src/fleet/gate.ts',
    search: 'if (row.keyFingerprint !== claim.keyFingerprint)',
    replace: "if (claim.keyFingerprint === '')",
  },
  {
    name: 'a-connection-outlives-its-certificate',
    file: 'coordinator/src/fleet/gate.ts',
    search: 'if (nowMs > row.certificateExpiresMs + graceMs)',
    replace: 'if (nowMs > row.certificateExpiresMs + graceMs * 1e9)',
  },
  {
    name: 'told-before-commit',
    file: 'coordinator/src/road/coordinator.ts',
    search: 'const committed = await this.#commits.commit(durable);',
    replace: 'this.#send(messages.splice(0)); const committed = await this.#commits.commit(durable);',
  },
  {
    name: 'seen-before-commit',
    file: 'coordinator/src/road/batch.ts',
    search: 'if (this.durable.length > 0) this.#made.push(...changes);',
    replace: 'if (this.durable.length < 0) this.#made.push(...changes);',
  },
  {
    name: 'a-decision-does-not-see-those-before-it',
    file: 'coordinator/src/road/batch.ts',
    search: 'return (this.#layer ?? this.#committed) as View;',
    replace: 'return this.#committed as View;',
  },
  {
    name: 'what-is-decided-alters-what-is-committed',
    file: 'coordinator/src/state/layer.ts',
    search: 'return map instanceof LayerMap ? map.owned(key, copy) : map.get(key);',
    replace: 'void copy; return map.get(key);',
    test: 'coordinator/src/state/layer.test.ts',
  },
  {
    name: 'a-layer-shows-what-it-took-away',
    file: 'coordinator/src/state/layer.ts',
    search: 'if (this.#hidden?.has(entry[0])) continue;',
    replace: '',
    test: 'coordinator/src/state/layer.test.ts',
  },
  {
    name: 'acknowledged-beyond-the-log',
    file: 'coordinator/src/memory/accept.ts',
    search: "down(draft, node, { type: 'ack', agent, epoch: message.epoch, upto: seq, hash });",
    replace: "down(draft, node, { type: 'ack', agent, epoch: message.epoch, upto: seq + 1, hash });",
  },
  {
    name: 'a-stale-report-ends-a-task',
    file: 'coordinator/src/tasks/report.ts',
    search: "return task.state !== 'queued' && task.node === node && task.attempt === attempt && task.epoch === epoch;",
    replace: "return task.state !== 'queued' && attempt + epoch > 0 && task.node !== '';",
  },
  {
    name: 'a-cron-task-is-recorded-twice',
    file: 'coordinator/src/tasks/report.ts',
    search: '  if (isKnown) return;\n',
    replace: '',
  },
  {
    name: 'an-absent-node-is-leased-work',
    file: 'coordinator/src/tasks/leases.ts',
    search: "if (node?.status !== 'active' || node.presence !== 'online') return false;",
    replace: "if (node?.status !== 'active') return false;",
  },
  {
    name: 'a-node-says-it-holds-no-memories',
    file: 'node-agent/src/reports/heartbeat.ts',
    search: 'memoriesUnacked: memory.unacked,',
    replace: 'memoriesUnacked: 0 * memory.unacked,',
  },
  {
    name: 'tasks-never-expire',
    file: 'coordinator/src/fleet/tick.ts',
    search: '  expireTasks(draft);\n',
    replace: '',
  },
  {
    name: 'a-lease-keeps-its-attempt',
    file: 'coordinator/src/tasks/leases.ts',
    search: 'lease(draft, task, placement, task.attempt + 1);',
    replace: 'lease(draft, task, placement, Math.max(1, task.attempt));',
  },
  {
    name: 'leases-are-not-judged',
    file: 'node-agent/src/assignment/assigned-agents.ts',
    search: "return assigned.spec.onLoss.policy === 'keep' || this.#parts.licence.holds;",
    replace: 'return true;',
  },
  {
    name: 'any-word-renews-a-licence',
    file: 'node-agent/src/assignment/licence.ts',
    search: 'const at = coordinatorMs - aheadMs;',
    replace: 'const at = nowMs;',
    test: 'node-agent/src/assignment/licence.test.ts',
  },
  {
    name: 'a-licence-is-renewed-behind-the-assignment',
    file: 'node-agent/src/assignment/licence.ts',
    search: 'if (holds < generation) return;',
    replace: '',
  },
  {
    name: 'quiet-is-ignored',
    file: 'node-agent/src/assignment/assigned-agents.ts',
    search: 'if (nowMs < (this.#quietUntilMs.get(id) ?? nowMs)) return false;',
    replace: '',
  },
  {
    name: 'nobody-is-told-to-be-quiet',
    file: 'coordinator/src/fleet/assignment.ts',
    search: '...(quiet ? { quiet } : {}),',
    replace: '',
  },
  {
    name: 'quiet-ends-at-the-word-of-anybody',
    file: 'coordinator/src/fleet/presence.ts',
    search: 'if (row && isOver(row.placement ? row.placement.quiet : row.quiet, boot, epoch)) endQuiet(draft, row);',
    replace: 'if (row && boot !== "" && epoch !== row.epoch) endQuiet(draft, row);',
  },
  {
    name: 'decisions-follow-the-wall-clock',
    file: 'coordinator/src/road/fleet-clock.ts',
    search: 'return Math.floor(monotonicMs + aheadMs);',
    replace: 'return clock.nowMs();',
  },
  {
    name: 'a-quiet-time-does-not-move-with-the-clock',
    file: 'coordinator/src/fleet/clock-set.ts',
    search: 'if (moved) putAgent(draft, moved);',
    replace: '',
    test: 'coordinator/src/fleet/clock-set.test.ts',
  },
  {
    name: 'nodes-say-no-hello-after-the-clock-was-set',
    file: 'coordinator/src/fleet/clock-set.ts',
    search: "change(draft, { type: 'renewed', coordinator });\n  announce(draft, policy, coordinator);",
    replace: 'announce(draft, policy, coordinator.slice(0, 0) + draft.view.coordinator);',
    test: 'coordinator/src/fleet/clock-set.test.ts',
  },
  {
    name: 'a-quiet-time-of-before-a-start-is-believed',
    file: 'coordinator/src/fleet/quiet.ts',
    search: 'const isOurs = quiet.untilMs - longestQuietMs >= view.startedMs;',
    replace: 'const isOurs = quiet.untilMs > 0;',
    test: 'coordinator/src/fleet/clock-set.test.ts',
  },
  {
    name: 'unknown-fields-are-refused',
    file: 'protocol/src/codec.ts',
    search: 'if (!check(row.schema, message))',
    replace:
      'const known = (row.schema as { properties?: object }).properties;\n  if (!check(row.schema, message) || (known && !Object.keys(message as object).every((key) => key in known)))',
  },
  {
    name: 'unknown-kinds-of-events-are-refused',
    file: 'protocol/src/node-events.ts',
    search: "type: Type.String({\n    pattern: '^[a-z][a-z-]{0,39}$',\n",
    replace: "type: Type.String({\n    pattern: '^(' + types.join('|') + ')$',\n",
  },
  {
    name: 'who-cannot-say-what-it-holds-holds-nothing',
    file: 'coordinator/src/fleet/presence.ts',
    search: 'if (message.held) takeBackUnheld(draft, node, message.held);',
    replace: 'takeBackUnheld(draft, node, message.held ?? []);',
    test: 'coordinator/src/tasks/held.test.ts',
  },
  {
    name: 'memory-is-not-counted',
    file: 'coordinator/src/placement/model/room.ts',
    search: 'export function hasMemory(',
    replace: 'export function hasMemory(..._: unknown[]): boolean {\n  return true;\n}\nexport function _hasMemory(',
  },
  {
    name: 'a-snapshot-goes-back',
    file: 'node-agent/src/assignment/assignment-store.ts',
    search: 'generation = part.generation;',
    replace: 'generation = part.generation - 1;\n      writeGeneration.run(generation);',
  },
  {
    name: 'a-move-keeps-the-epoch',
    file: 'coordinator/src/fleet/assignment.ts',
    search: 'const epoch = row.epoch + 1;',
    replace: 'const epoch = Math.max(1, row.epoch);',
  },
  {
    name: 'any-epoch-writes',
    file: 'coordinator/src/memory/accept.ts',
    search: 'const isWriter = placement?.node === node && placement.epoch === message.epoch;',
    replace: 'const isWriter = (placement?.epoch ?? 0) >= message.epoch;',
  },
  {
    name: 'cordons-are-forgotten',
    file: 'coordinator/src/placement/model/snapshot.ts',
    search: 'if (node.cordoned)',
    replace: "if (node.cordoned && node.id === '')",
  },
  {
    name: 'a-task-that-is-not-taken-is-settled',
    file: 'coordinator/src/tasks/report.ts',
    search: 'if (isNews && !takesRecords(draft, node, 1)) return;',
    replace: 'if (isNews && !takesRecords(draft, node, 1)) return settle(draft, node, message);',
  },
  {
    name: 'chains-are-not-verified',
    file: 'coordinator/src/memory/chain.ts',
    search: "return previousHash === head.hash ? { how: 'next', fresh }",
    replace: "return previousHash !== '' ? { how: 'next', fresh }",
  },
  {
    name: 'a-tail-is-thrown-away',
    file: 'node-agent/src/memory/log-writes.ts',
    search: 'const keep = Math.min(Math.max(log.row.acked, knownSeq), log.head.seq);',
    replace: 'const keep = Math.max(log.head.seq, knownSeq * 0);',
  },
  {
    name: 'sent-before-it-is-durable',
    file: 'node-agent/src/memory/sync.ts',
    search: 'const rows = journal.after(id, agent, acked, batchEntries);',
    replace:
      'const rows = journal.after(id, agent, acked, batchEntries).map((entry) => ({ ...entry, hash: entry.hash.replace(/^./, "0") }));',
  },
  {
    name: 'lost-too-soon',
    file: 'coordinator/src/fleet/tick.ts',
    search: 'if (awayMs >= policy.lostAfterMs) {',
    replace: 'if (awayMs >= policy.lostAfterMs / 2) {',
  },
  {
    name: 'silence-is-not-noticed',
    file: 'coordinator/src/fleet/tick.ts',
    search: 'if (awayMs >= policy.lostAfterMs) {',
    replace: 'if (awayMs >= 10 * policy.lostAfterMs) {',
  },
  {
    name: 'no-grace-after-a-start',
    file: 'coordinator/src/fleet/tick.ts',
    search: 'const losesFromMs = heardFromMs + policy.restartGraceMs;',
    replace: 'const losesFromMs = heardFromMs;',
  },
  {
    name: 'the-valve-holds-nothing',
    file: 'coordinator/src/placement/model/need.ts',
    search: 'if (freezeAt(view.frozen, node.site)) return null;',
    replace: '',
  },
  {
    name: 'the-queue-has-no-end',
    file: 'coordinator/src/tasks/submit.ts',
    search: 'if (waiting < bound) return null;',
    replace: 'if (waiting < 2 * bound) return null;',
  },
  {
    name: 'a-task-is-accepted-and-not-stored',
    file: 'coordinator/src/store/sqlite/task-batch.ts',
    search: 'add(row) {',
    replace: "add(row) {\n      if (row.id.endsWith('0')) return;",
  },
  {
    name: 'ends-are-not-settled',
    file: 'coordinator/src/tasks/report.ts',
    search: "send(draft, 'settled', { node }, { tasks: [{ task, attempt }] });",
    replace: "if (attempt === 1) send(draft, 'settled', { node }, { tasks: [{ task, attempt }] });",
  },
  {
    name: 'a-node-that-is-back-says-no-hello',
    file: 'node-agent/src/loop/session.ts',
    search: '    this.#helloTries = 0;\n    this.#sayHello();',
    replace: '    if (this.#helloTries === 0) this.#sayHello();',
    test: 'node-agent/src/loop/node.test.ts',
  },
  {
    name: 'a-node-that-is-back-is-not-told-what-it-missed',
    file: 'coordinator/src/fleet/hello.ts',
    search: 'if (message.generation !== generation || isOther) sendSnapshot(draft, row.id);',
    replace: '',
    test: 'coordinator/src/fleet/hello.test.ts',
  },
  {
    name: 'deltas-with-a-gap-are-applied',
    file: 'node-agent/src/assignment/assignment-store.ts',
    search: 'if (delta.from !== generation) return false;',
    replace: '',
  },
  {
    name: 'hashes-are-not-verified',
    file: 'coordinator/src/memory/chain.ts',
    search: 'const fault = entryFault(entry);\n    if (fault) return `',
    replace: 'const fault = entryFault({ ...entry }) && null;\n    if (fault) return `',
  },
  {
    name: 'hashes-of-large-batches-are-not-verified',
    file: 'coordinator/src/memory/chain.ts',
    search: 'const fault = entryFault(entry);\n    if (fault) return `',
    replace: 'const fault = entries.length > 20 ? null : entryFault(entry);\n    if (fault) return `',
    test: 'coordinator/src/memory/accept.test.ts',
  },
  {
    name: 'the-valve-counts-who-is-shut-out-or-never-came',
    file: 'coordinator/src/fleet/valve.ts',
    search: "if (row.status !== 'active' || row.presence === 'never') continue;",
    replace: 'if (!row) continue;',
  },
  {
    name: 'a-trigger-fires-again-after-a-start',
    file: 'node-agent/src/assignment/triggers.ts',
    search: 'const nextMs = nextCronMs(expression, clock.nowMs(), timeZone);',
    replace: 'const nextMs = nextCronMs(expression, clock.nowMs() - (timer === null ? 5_000 : 0), timeZone);',
  },
  {
    name: 'a-cancel-leaves-no-audit-row',
    file: 'coordinator/src/tasks/submit.ts',
    search: "noteAudit(draft, by, 'task-cancel',",
    replace: "((..._: unknown[]) => {})(draft, by, 'task-cancel',",
    test: 'coordinator/src/api/audit.test.ts',
  },
  {
    name: 'a-cancel-throws',
    file: 'node-agent/src/tasks/task-runs.ts',
    search: 'this.#runs.get(leaseKey(task, attempt))?.abort.abort(new Error(reason));',
    replace: 'const run = this.#runs.get(leaseKey(task, attempt)) as Run;\n    run.abort.abort(new Error(reason));',
  },
  {
    name: 'tasks-expire-early',
    file: 'coordinator/src/fleet/tick.ts',
    search: 'if (!task || task.deadlineMs > draft.nowMs) continue;',
    replace: 'if (!task || task.deadlineMs > draft.nowMs + 900) continue;',
  },
  {
    name: 'a-memory-opened-again-counts-as-released',
    file: 'node-agent/src/memory/node-memory.ts',
    search: 'const isOver = () => !log || epoch < Math.max(log.row.epoch, log.openEpoch);',
    replace: 'const isOver = () => !log;',
    test: 'node-agent/src/memory/node-memory.test.ts',
  },
  {
    name: 'a-branch-is-offered-at-a-hello-alone',
    file: 'coordinator/src/memory/accept.ts',
    search: 'return isWriter && message.durableSeq === head.seq && offerBranch(draft, input);',
    replace: 'return false;',
    test: 'coordinator/src/memory/accept.test.ts',
  },
  {
    name: 'a-sleep-is-not-noticed',
    file: 'node-agent/src/assignment/licence.ts',
    search: 'sleptMs += apartMs - baseMs;',
    replace: 'sleptMs += 0 * (apartMs - baseMs);',
    test: 'node-agent/src/assignment/licence.test.ts',
  },
  {
    name: 'patience-with-a-lost-node-is-forgotten',
    file: 'coordinator/src/placement/model/need.ts',
    search: "const isDue = spec.onLoss.policy === 'replace' && nowMs >= dueMs(agent, node);",
    replace: "const isDue = spec.onLoss.policy !== 'keep' && nowMs >= node.presenceSinceMs;",
  },
  {
    name: 'a-freeze-is-for-ever',
    file: 'coordinator/src/fleet/valve.ts',
    search: 'return away >= policy.valveMinNodes && away > share * (here + away);',
    replace: 'return frozen || (away >= policy.valveMinNodes && away > share * (here + away));',
  },
  {
    name: 'a-key-of-another-agent-is-answered',
    file: 'coordinator/src/tasks/submit.ts',
    search: 'if (same && same.agent !== agent)',
    replace: "if (same && same.agent === '')",
    test: 'coordinator/src/tasks/tasks.test.ts',
  },
  {
    name: 'an-older-node-is-told-names',
    file: 'coordinator/src/fleet/assignment.ts',
    search: 'const isOlder = draft.nodes.get(placement.node)?.agentIds !== true;',
    replace: 'const isOlder = placement.epoch < 0;',
  },
  {
    name: 'a-name-that-was-given-up-stays-taken',
    file: 'coordinator/src/state/apply.ts',
    search: 'if (old !== undefined && view.agentIds.get(old) === id) view.agentIds.delete(old);',
    replace: '',
    test: 'coordinator/src/fleet/agents.test.ts',
  },
  {
    name: 'an-earlier-term-is-stored-all-the-same',
    file: 'coordinator/src/store/sqlite/sqlite-store.ts',
    search: "if (now && now.term !== term) return { how: 'fenced', ...now };",
    replace: 'void now;',
    test: 'coordinator/src/store/sqlite/conformance.test.ts',
  },
  {
    name: 'a-fenced-coordinator-goes-on',
    file: 'coordinator/src/road/commits.ts',
    search: "if (committed.how === 'fenced') return stepBack(committed.by);",
    replace: "if (committed.how === 'fenced') return { refused: quicker };",
    test: 'coordinator/src/road/term.test.ts',
  },
  {
    name: 'a-fenced-coordinator-says-that-the-fleet-is-offline',
    file: 'coordinator/src/road/coordinator.ts',
    search: 'if (this.#stopped !== null) return;',
    replace: '',
    test: 'coordinator/src/road/term.test.ts',
  },
  {
    name: 'what-conflicted-stays-in-the-view',
    file: 'coordinator/src/road/commits.ts',
    search: "if (committed.how === 'conflict') {",
    replace: "if (committed.how === 'conflict') return { refused: quicker };\n      if (committed.how !== 'stored') {",
    test: 'coordinator/src/road/term.test.ts',
  },
  {
    name: 'reads-wait-for-the-writer',
    file: 'coordinator/src/store/worker/worker-store.ts',
    search: 'if (isShared) return { writer, reader };',
    replace: 'if (isShared) return { writer, reader: writer };',
    test: 'coordinator/src/store/worker/worker-store.test.ts',
  },
  {
    name: 'an-error-loses-its-code-between-threads',
    file: 'coordinator/src/store/worker/crossing-error.ts',
    search: 'if (error instanceof FleetError) return { fleet: error.code, details: error.details };',
    replace: '',
    test: 'coordinator/src/store/worker/crossing-error.test.ts',
  },
  {
    name: 'a-close-leaves-commits-behind',
    file: 'coordinator/src/store/worker/worker-store.ts',
    search: "await withDeadline(clock, deadlineMs, thread.call('close', []), late);",
    replace: 'await withDeadline(clock, deadlineMs, Promise.resolve(), late);',
    test: 'coordinator/src/store/worker/worker-store.test.ts',
  },
  {
    name: 'nobody-is-told-that-a-thread-died',
    file: 'coordinator/src/store/worker/worker-store.ts',
    search: 'if (isOpen) died(error);',
    replace: '',
    test: 'coordinator/src/store/worker/worker-store.test.ts',
  },
  {
    name: 'a-log-that-is-read-all-the-time-grows-for-ever',
    file: 'coordinator/src/store/worker/worker.ts',
    search: 'prepare: () => emptyLongLog(db, path)',
    replace: 'prepare: () => void emptyLongLog',
    test: 'coordinator/src/store/worker/worker-store.test.ts',
  },
  {
    name: 'what-the-loop-looks-up-waits-for-every-search',
    file: 'coordinator/src/store/worker/worker-store.ts',
    search: 'Promise.all([candidates, this.#last])',
    replace: 'Promise.all([candidates])',
    test: 'coordinator/src/store/worker/worker-store.test.ts',
  },
  {
    name: 'what-is-committed-while-the-past-is-read-is-in-no-figure',
    file: 'coordinator/src/http/context.ts',
    search: 'void meanwhile.push(touched)',
    replace: 'void touched',
    test: 'coordinator/src/http/context.test.ts',
  },
  {
    name: 'another-node-goes-on-with-an-answer',
    file: 'coordinator/src/gateway/answering.ts',
    search: 'if (this.#begun || !modelProblems[problem.code].elsewhere) throw error;',
    replace: 'if (!modelProblems[problem.code].elsewhere) throw error;',
  },
  {
    name: 'a-client-that-leaves-stops-nothing',
    file: 'coordinator/src/gateway/attempt.ts',
    search: '      stop();\n      settle',
    replace: '      settle',
  },
  {
    name: 'a-node-takes-one-more-than-its-slots',
    file: 'node-agent/src/runtimes/admission.ts',
    search: 'if (gate.busy < gate.slots && gate.waiting.size === 0)',
    replace: 'if (gate.busy <= gate.slots && gate.waiting.size === 0)',
  },
  {
    name: 'who-goes-elsewhere-stays-in-its-queue',
    file: 'coordinator/src/gateway/lanes.ts',
    search: '  lane.waiting.remove(own);\n',
    replace: '',
  },
  {
    name: 'an-answer-that-broke-off-ends-twice',
    file: 'coordinator/src/gateway/answering.ts',
    search: 'if (this.#stopped.signal.aborted) return;\n    this.#stopped.abort();',
    replace: 'this.#stopped.abort();',
  },
  {
    name: 'a-slot-is-taken-by-a-guest-while-its-own-wait',
    file: 'coordinator/src/gateway/lanes.ts',
    search: 'if (lane.waiting.size === 0) this.#invite(lane, lane.wishing, hasCredit);',
    replace: 'this.#invite(lane, lane.wishing, () => true);',
    test: 'coordinator/src/gateway/late-binding.test.ts',
  },
];

const maxSeeds = 200;

function play(mutant: Mutant): string | null {
  const copy = mkdtempSync(join(tmpdir(), 'mutant-'));
  try {
    for (const folder of [
      'protocol',
      'std',
      'model-server',
      'coordinator',
      'node-agent',
      'test/sim',
      'test/fixtures',
      'test/conformance',
      'package.json',
    ])
      cpSync(join(root, folder), join(copy, folder), {
        recursive: true,
        filter: (path) => !/node_modules|\/dist$|\/console$/.test(path.slice(root.length)),
      });
    linkModules(copy);
    const path = join(copy, mutant.file);
    const source = readFileSync(path, 'utf8');
    if (source.split(mutant.search).length !== 2) throw new Error(`${mutant.name} does not apply to ${mutant.file}`);
    writeFileSync(
      path,
      source.replace(mutant.search, () => mutant.replace),
    );
    if (mutant.test) return byTest(copy, mutant.name, mutant.test);
    const done = spawnSync(
      process.execPath,
      [join(copy, 'test/sim/run.ts'), '--seed', '1', '--seeds', String(maxSeeds), '--until-broken', '--trace', '0'],
      { encoding: 'utf8', cwd: copy, maxBuffer: 64 * 1024 * 1024 },
    );
    const found = /^seed (\d+) broke (\S+)/m.exec(done.stdout);
    // A mutant that does not run proves nothing, so it counts as an error.
    if (!found && done.status !== 0) throw new Error(`${mutant.name} does not run: ${done.stderr.slice(0, 2000)}`);
    return found ? `${found[2]} after ${found[1]} seeds` : null;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
/** The same file passes on the real tree (`make test` shows that): here it must fail, by one of its assertions. */
function byTest(copy: string, name: string, file: string): string | null {
  const done = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(copy, file)], {
    encoding: 'utf8',
    cwd: copy,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, TAP: '1' },
  });
  if (!/^ *(not )?ok /m.test(done.stdout)) throw new Error(`${name} does not run: ${done.stderr.slice(0, 2000)}`);
  return /^ *not ok /m.test(done.stdout) ? file : null;
}
/** Links our own packages to the copy, and all others to the real tree. */
function linkModules(copy: string): void {
  const modules = join(copy, 'node_modules');
  cpSync(join(root, 'node_modules/@blackroad'), join(modules, '@blackroad'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== '@blackroad' && !name.startsWith('.'))
      symlinkSync(join(root, 'node_modules', name), join(modules, name));
  const own = 'coordinator/node_modules';
  if (existsSync(join(root, own))) symlinkSync(join(root, own), join(copy, own));
}

if (import.meta.main) {
  const wanted = process.argv.slice(2);
  let missed = 0;
  for (const mutant of mutants) {
    if (wanted.length > 0 && !wanted.includes(mutant.name)) continue;
    const caught = play(mutant);
    if (!caught) missed++;
    const words = caught ? `caught by ${caught}` : `not caught by ${mutant.test ?? `${maxSeeds} seeds`}`;
    process.stdout.write(`mutant ${mutant.name} ${words}\n`);
  }
  process.exitCode = missed > 0 ? 1 : 0;
}
