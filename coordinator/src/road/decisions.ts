// The pure function that decides each kind of input. A kind without a function does not compile.

import { reserveForRequest, settleRequest } from '../budgets/requests.ts';
import {
  closeSession,
  createKey,
  createToken,
  noteKeyUse,
  openSession,
  recordAudit,
  revokeKey,
  revokeToken,
  setKeyBudget,
} from '../fleet/access.ts';
import { acknowledge, unacknowledge } from '../fleet/acknowledge.ts';
import { applyAgent, removeAgent, renameAgent } from '../fleet/agents.ts';
import { learnBackups } from '../fleet/backups.ts';
import { clockSet } from '../fleet/clock-set.ts';
import { commandNode, refuseReply } from '../fleet/commands.ts';
import { enrol, renew } from '../fleet/enrolment.ts';
import { acceptHello } from '../fleet/hello.ts';
import { judged } from '../fleet/judged.ts';
import { learnKnown } from '../fleet/known.ts';
import { acceptEvent } from '../fleet/node-events.ts';
import { editNode, editNodes, forgetNode, releaseNode } from '../fleet/nodes.ts';
import { learnObjects } from '../fleet/objects.ts';
import { pinModel } from '../fleet/pins.ts';
import {
  acceptCapacity,
  acceptHardware,
  acceptHealth,
  acceptInfo,
  acceptObserved,
  acceptState,
} from '../fleet/presence.ts';
import { noteRefusedInstall, noteRefusedRelease, noteRelease, noteUpgrade } from '../fleet/releases.ts';
import { acceptHeld, noteUnknownNode, restoreAgent, restoreNode } from '../fleet/restore-found.ts';
import { takeRestored } from '../fleet/restored.ts';
import { storageBack } from '../fleet/storage-back.ts';
import { started, tick } from '../fleet/tick.ts';
import {
  createWebhook,
  deleteWebhook,
  editWebhook,
  pauseWebhook,
  queueDeliveries,
  replayDeliveries,
  rotateWebhook,
  tellDelivery,
} from '../fleet/webhooks.ts';
import { acceptMemory } from '../memory/accept.ts';
import { keepCheckpoint, noteDamage, tellAnchors } from '../memory/checkpoints.ts';
import { eraseMemories, tellErasure } from '../memory/erase.ts';
import { noteExport } from '../memory/exported.ts';
import { addDocument, addMemory, giveMemories, removeDocument, setValue, takeMemoryBack } from '../memory/given.ts';
import { keepRun, replaceRunParts, undoRun } from '../memory/runs.ts';
import { applyPlan, releaseMoves, unloadIdle } from '../placement/plan/plan.ts';
import { actOnRollout } from '../rollouts/acts.ts';
import { learnBalena, tellPin } from '../rollouts/balena.ts';
import { learnReleases } from '../rollouts/releases.ts';
import { reportRollout } from '../rollouts/reports.ts';
import { startRollout } from '../rollouts/start.ts';
import type { Decide, InputKind } from '../state/input.ts';
import { deleteConversation, editConversation, openConversation } from '../tasks/conversations.ts';
import { reportTask } from '../tasks/report.ts';
import { cancelTask, dismissTask, retryTask, submitTask } from '../tasks/submit.ts';

export const decisions: { [K in InputKind]: Decide<K> } = {
  'node-state': judged(acceptState),
  'node-hello': judged(acceptHello),
  'node-info': judged(acceptInfo),
  'node-hardware': acceptHardware,
  'node-capacity': judged(acceptCapacity),
  'node-health': judged(acceptHealth),
  'node-event': judged(acceptEvent),
  'agent-observed': judged(acceptObserved),
  'agent-held': judged(acceptHeld),
  'task-report': judged(reportTask),
  'memory-up': judged(acceptMemory),
  'memory-add': addMemory,
  'memory-set': setValue,
  'memory-take-back': takeMemoryBack,
  'memory-give': giveMemories,
  'document-add': addDocument,
  'document-remove': removeDocument,
  'memory-export': noteExport,
  'memory-run': keepRun,
  'memory-run-undo': undoRun,
  'memory-run-parts': replaceRunParts,
  'reply-refused': judged(refuseReply),
  'token-create': createToken,
  'token-revoke': revokeToken,
  enrol,
  renew,
  'node-edit': editNode,
  'nodes-edit': editNodes,
  'node-release': releaseNode,
  'node-forget': forgetNode,
  'node-command': commandNode,
  'agent-apply': applyAgent,
  'agent-rename': renameAgent,
  'agent-remove': removeAgent,
  'task-submit': submitTask,
  'task-cancel': cancelTask,
  'task-retry': retryTask,
  'task-dismiss': dismissTask,
  'key-create': createKey,
  'key-revoke': revokeKey,
  'key-budget': setKeyBudget,
  'budget-reserve': reserveForRequest,
  'budget-settle': settleRequest,
  'key-used': noteKeyUse,
  'session-open': openSession,
  'session-close': closeSession,
  'conversation-open': openConversation,
  'conversation-edit': editConversation,
  'conversation-delete': deleteConversation,
  'alert-ack': acknowledge,
  'alert-unack': unacknowledge,
  'model-pin': pinModel,
  'webhook-create': createWebhook,
  'webhook-edit': editWebhook,
  'webhook-pause': pauseWebhook,
  'webhook-rotate': rotateWebhook,
  'webhook-delete': deleteWebhook,
  'webhook-queue': queueDeliveries,
  'delivery-told': tellDelivery,
  'deliveries-replay': replayDeliveries,
  'rollout-start': startRollout,
  'rollout-act': actOnRollout,
  'rollout-report': reportRollout,
  'moves-release': releaseMoves,
  'restore-agent': restoreAgent,
  'restore-node': restoreNode,
  audit: recordAudit,
  'release-added': noteRelease,
  'release-refused': noteRefusedRelease,
  'install-refused': noteRefusedInstall,
  tick,
  'models-known': learnKnown,
  'memory-checkpoint': keepCheckpoint,
  'memory-anchors': tellAnchors,
  'memory-damage': noteDamage,
  'memory-erase': eraseMemories,
  'memory-erase-again': tellErasure,
  'backup-told': learnBackups,
  'objects-told': learnObjects,
  'upgrade-told': noteUpgrade,
  'releases-known': learnReleases,
  'balena-found': learnBalena,
  'balena-pin': tellPin,
  'plan-apply': applyPlan,
  'models-idle': unloadIdle,
  restored: takeRestored,
  'node-unknown': noteUnknownNode,
  started,
  'storage-back': storageBack,
  'clock-set': clockSet,
};
