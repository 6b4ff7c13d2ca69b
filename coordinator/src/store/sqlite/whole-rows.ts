// Rows that are few and never searched: nodes, agents, tokens, keys, budgets, conversations, what people give to memories, acknowledged alerts, pins,
// read as a whole at the start; versions of specs and the hardware of nodes, read when a person asks.
// They are stored as JSON. `load` returns them as the changes that made them, in pages, so that a start never holds a table twice.
import { type AgentSpec, defaultSpace, type Hardware, type Role } from '@blackroad/protocol';
import type { ReservationRow, SpendingRow } from '../../state/budget-rows.ts';
import type { DurableChange } from '../../state/change.ts';
import type { ConversationRow } from '../../state/conversation-row.ts';
import type { DocumentRow, GivenRow } from '../../state/given-rows.ts';
import type { FoundRow, RestoredRow } from '../../state/restore-rows.ts';
import { type RolloutRow, type RolloutSubjectRow, subjectKey } from '../../state/rollout-rows.ts';
import type {
  AcknowledgedRow,
  AgentRow,
  JoinTokenRow,
  KeyRow,
  NodeRow,
  PinRow,
  RemovedAgentRow,
  SessionRow,
} from '../../state/rows.ts';
import type { RunRow } from '../../state/run-rows.ts';
import type { DeliveryRow, WebhookRow } from '../../state/webhook-rows.ts';
import type { Database } from './database.ts';
import { inPages } from './pages.ts';

interface AgentVersion {
  version: number;
  atMs: number;
  by: string;
  spec: AgentSpec;
}
const pageRows = 1_000;
interface StoredRow {
  key: string;
  json: string;
}

/** A row from before spaces belongs to the only space of that time. */
function inSpace<R extends { space: string }>(row: Omit<R, 'space'> & { space?: string }): R {
  return { ...row, space: row.space ?? defaultSpace } as R;
}
/** A session from before roles has the role of its key. */
function withRoles({ role, ...row }: SessionRow & { role?: Role }): SessionRow {
  return role === undefined ? row : { ...row, roles: [role] };
}

export function wholeRows(db: Database) {
  const put = (table: string, key: string, value: string) =>
    db.prepare<[string, string]>(
      `INSERT INTO ${table} (${key}, ${value}) VALUES (?, ?) ON CONFLICT (${key}) DO UPDATE SET ${value} = excluded.${value}`,
    );
  const putNode = put('node', 'id', 'row');
  const dropNode = db.prepare<[string]>('DELETE FROM node WHERE id = ?');
  const putHardware = db.prepare<[string, number, string]>(
    `INSERT INTO hardware (node, since_ms, parts) VALUES (?, ?, ?) ON CONFLICT (node)
     DO UPDATE SET since_ms = excluded.since_ms, parts = excluded.parts WHERE parts <> excluded.parts`,
  );
  const dropHardware = db.prepare<[string]>('DELETE FROM hardware WHERE node = ?');
  const hardware = db.prepare<[string], { since_ms: number; parts: string }>(
    'SELECT since_ms, parts FROM hardware WHERE node = ?',
  );
  const putAgent = put('agent', 'id', 'row');
  const dropAgent = db.prepare<[string]>('DELETE FROM agent WHERE id = ?');
  const putRemoved = put('removed_agent', 'id', 'row');
  const putToken = put('token', 'id', 'row');
  const dropToken = db.prepare<[string]>('DELETE FROM token WHERE id = ?');
  const putKey = put('access_key', 'id', 'row');
  const putSession = put('session', 'id', 'row');
  const dropSession = db.prepare<[string]>('DELETE FROM session WHERE id = ?');
  const putSpending = put('spending', 'account', 'row');
  const dropSpending = db.prepare<[string]>('DELETE FROM spending WHERE account = ?');
  const putReservation = put('reservation', 'id', 'row');
  const dropReservation = db.prepare<[string]>('DELETE FROM reservation WHERE id = ?');
  const putConversation = put('conversation', 'id', 'row');
  const dropConversation = db.prepare<[string]>('DELETE FROM conversation WHERE id = ?');
  const putGiven = put('memory_given', 'id', 'row');
  const dropGiven = db.prepare<[string]>('DELETE FROM memory_given WHERE id = ?');
  const putDocument = put('memory_document', 'id', 'row');
  const dropDocument = db.prepare<[string]>('DELETE FROM memory_document WHERE id = ?');
  const putRun = put('memory_run', 'id', 'row');
  const dropRun = db.prepare<[string]>('DELETE FROM memory_run WHERE id = ?');
  const putAcknowledged = put('acknowledged', 'alert', 'row');
  const dropAcknowledged = db.prepare<[string]>('DELETE FROM acknowledged WHERE alert = ?');
  const putRestored = db.prepare<[string]>(
    'INSERT INTO restored (one, row) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET row = excluded.row',
  );
  const restored = db.prepare<[], string>('SELECT row FROM restored').pluck();
  const dropFound = db.prepare('DELETE FROM restore_found');
  const putFound = put('restore_found', 'id', 'row');
  const putPin = put('model_pin', 'id', 'row');
  const dropPin = db.prepare<[string]>('DELETE FROM model_pin WHERE id = ?');
  const putWebhook = put('webhook', 'id', 'row');
  const dropWebhook = db.prepare<[string]>('DELETE FROM webhook WHERE id = ?');
  const dropDeliveries = db.prepare<[string]>("DELETE FROM webhook_delivery WHERE row ->> 'webhook' = ?");
  const putDelivery = put('webhook_delivery', 'id', 'row');
  const dropDelivery = db.prepare<[string]>('DELETE FROM webhook_delivery WHERE id = ?');
  const putRollout = put('rollout', 'id', 'row');
  const dropRollout = db.prepare<[string]>('DELETE FROM rollout WHERE id = ?');
  const putSubject = put('rollout_subject', 'id', 'row');
  const dropSubject = db.prepare<[string]>('DELETE FROM rollout_subject WHERE id = ?');
  // Ids of rollouts have no character after the slash of a key: its subjects are a range.
  const dropSubjects = db.prepare<[string, string]>('DELETE FROM rollout_subject WHERE id > ? AND id < ?');
  const putVersion = db.prepare<[string, number, number, string, string]>(
    `INSERT INTO agent_version (agent, version, at_ms, by, spec) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (agent, version) DO UPDATE SET at_ms = excluded.at_ms, by = excluded.by, spec = excluded.spec`,
  );
  const dropVersions = db.prepare<[string]>('DELETE FROM agent_version WHERE agent = ?');
  const versions = db.prepare<[string], { version: number; at_ms: number; by: string; spec: string }>(
    'SELECT version, at_ms, by, spec FROM agent_version WHERE agent = ? ORDER BY version DESC',
  );
  const page = (table: string, key: string, value: string) =>
    db.prepare<[string], StoredRow>(
      `SELECT ${key} AS key, ${value} AS json FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT ${pageRows}`,
    );
  const pages = {
    spending: page('spending', 'account', 'row'),
    reservation: page('reservation', 'id', 'row'),
    acknowledged: page('acknowledged', 'alert', 'row'),
    pin: page('model_pin', 'id', 'row'),
    webhook: page('webhook', 'id', 'row'),
    delivery: page('webhook_delivery', 'id', 'row'),
    found: page('restore_found', 'id', 'row'),
    rollout: page('rollout', 'id', 'row'),
    subject: page('rollout_subject', 'id', 'row'),
    key: page('access_key', 'id', 'row'),
    session: page('session', 'id', 'row'),
    conversation: page('conversation', 'id', 'row'),
    given: page('memory_given', 'id', 'row'),
    document: page('memory_document', 'id', 'row'),
    run: page('memory_run', 'id', 'row'),
    token: page('token', 'id', 'row'),
    node: page('node', 'id', 'row'),
    agent: page('agent', 'id', 'row'),
    removed: page('removed_agent', 'id', 'row'),
  };
  function* all(name: keyof typeof pages): Generator<{ key: string; value: unknown }> {
    for (const rows of inPages<StoredRow>(pageRows, (last) => pages[name].all(last?.key ?? '')))
      for (const { key, json } of rows) yield { key, value: JSON.parse(json) };
  }

  return {
    putNode: (row: NodeRow) => void putNode.run(row.id, JSON.stringify(row)),
    dropNode(id: string) {
      dropNode.run(id);
      dropHardware.run(id);
    },
    putHardware: (node: string, sinceMs: number, parts: Hardware) =>
      void putHardware.run(node, sinceMs, JSON.stringify(parts)),
    hardware(node: string): { hardware: Hardware; sinceMs: number } | null {
      const row = hardware.get(node);
      return row ? { hardware: JSON.parse(row.parts) as Hardware, sinceMs: row.since_ms } : null;
    },
    putAgent: (row: AgentRow) => void putAgent.run(row.id, JSON.stringify(row)),
    /** Its versions are deleted too; its memory stays. */
    dropAgent(row: RemovedAgentRow) {
      dropAgent.run(row.id);
      dropVersions.run(row.id);
      putRemoved.run(row.id, JSON.stringify(row));
    },
    putVersion: (agent: string, { version, atMs, by, spec }: AgentVersion) =>
      void putVersion.run(agent, version, atMs, by, JSON.stringify(spec)),
    putToken: (row: JoinTokenRow) => void putToken.run(row.id, JSON.stringify(row)),
    dropToken: (id: string) => void dropToken.run(id),
    putKey: (row: KeyRow) => void putKey.run(row.id, JSON.stringify(row)),
    putSession: (row: SessionRow) => void putSession.run(row.id, JSON.stringify(row)),
    dropSession: (id: string) => void dropSession.run(id),
    putSpending: (row: SpendingRow) => void putSpending.run(row.account, JSON.stringify(row)),
    dropSpending: (account: string) => void dropSpending.run(account),
    putReservation: (row: ReservationRow) => void putReservation.run(row.id, JSON.stringify(row)),
    dropReservation: (id: string) => void dropReservation.run(id),
    putConversation: (row: ConversationRow) => void putConversation.run(row.id, JSON.stringify(row)),
    dropConversation: (id: string) => void dropConversation.run(id),
    putGiven: (row: GivenRow) => void putGiven.run(row.id, JSON.stringify(row)),
    dropGiven: (id: string) => void dropGiven.run(id),
    putDocument: (row: DocumentRow) => void putDocument.run(row.id, JSON.stringify(row)),
    dropDocument: (id: string) => void dropDocument.run(id),
    putRun: (row: RunRow) => void putRun.run(row.id, JSON.stringify(row)),
    dropRun: (id: string) => void dropRun.run(id),
    putAcknowledged: (row: AcknowledgedRow) => void putAcknowledged.run(row.alert, JSON.stringify(row)),
    dropAcknowledged: (alert: string) => void dropAcknowledged.run(alert),
    putPin: (row: PinRow) => void putPin.run(row.id, JSON.stringify(row)),
    dropPin: (id: string) => void dropPin.run(id),
    putWebhook: (row: WebhookRow) => void putWebhook.run(row.id, JSON.stringify(row)),
    dropWebhook(id: string) {
      dropWebhook.run(id);
      dropDeliveries.run(id);
    },
    putDelivery: (row: DeliveryRow) => void putDelivery.run(row.id, JSON.stringify(row)),
    dropDelivery: (id: string) => void dropDelivery.run(id),
    putRestored(row: RestoredRow) {
      putRestored.run(JSON.stringify(row));
      dropFound.run();
    },
    putFound: (row: FoundRow) => void putFound.run(row.id, JSON.stringify(row)),
    putRollout: (row: RolloutRow) => void putRollout.run(row.id, JSON.stringify(row)),
    dropRollout(id: string) {
      dropRollout.run(id);
      dropSubjects.run(`${id}/`, `${id}0`);
    },
    putSubject: (row: RolloutSubjectRow) => void putSubject.run(subjectKey(row), JSON.stringify(row)),
    dropSubject: (rollout: string, subject: string) => void dropSubject.run(subjectKey({ rollout, subject })),
    versions: (agent: string): AgentVersion[] =>
      versions
        .all(agent)
        .map(({ version, at_ms, by, spec }) => ({ version, atMs: at_ms, by, spec: JSON.parse(spec) as AgentSpec })),
    *load(): Generator<DurableChange> {
      for (const { value } of all('acknowledged')) yield { type: 'acknowledged', row: value as AcknowledgedRow };
      for (const { value } of all('spending')) yield { type: 'spending', row: value as SpendingRow };
      for (const { value } of all('reservation')) yield { type: 'reservation', row: value as ReservationRow };
      for (const { value } of all('pin')) yield { type: 'pin', row: value as PinRow };
      for (const { value } of all('webhook')) yield { type: 'webhook', row: value as WebhookRow };
      for (const { value } of all('delivery')) yield { type: 'delivery', row: value as DeliveryRow };
      const last = restored.get();
      if (last !== undefined) yield { type: 'restored', row: JSON.parse(last) as RestoredRow };
      for (const { value } of all('found')) yield { type: 'restore-found', row: value as FoundRow };
      for (const { value } of all('rollout')) yield { type: 'rollout', row: value as RolloutRow };
      for (const { value } of all('subject')) yield { type: 'rollout-subject', row: value as RolloutSubjectRow };
      for (const { value } of all('key')) yield { type: 'key', row: inSpace(value as KeyRow) };
      for (const { value } of all('session')) yield { type: 'session', row: inSpace(withRoles(value as SessionRow)) };
      for (const { value } of all('conversation')) yield { type: 'conversation', row: value as ConversationRow };
      for (const { value } of all('given')) yield { type: 'given', row: value as GivenRow };
      for (const { value } of all('document')) yield { type: 'document', row: value as DocumentRow };
      for (const { value } of all('run')) yield { type: 'memory-run', row: value as RunRow };
      for (const { value } of all('token')) yield { type: 'token', row: inSpace(value as JoinTokenRow) };
      for (const { value } of all('node')) yield { type: 'node', row: value as NodeRow };
      // These come before the agents: an agent that was applied again is not a removed one.
      for (const { value } of all('removed')) yield { type: 'agent-gone', row: value as RemovedAgentRow };
      for (const { value } of all('agent')) yield { type: 'agent', row: value as AgentRow };
    },
  };
}
