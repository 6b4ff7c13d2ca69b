// What is written of releases: who added one, what was refused here, and what a machine refused. The releases themselves are files (releases/releases.ts).
import { actorOf } from '@blackroad/protocol';
import { decided, noteAudit, noteEvent, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';

export const noteRelease: Decide<'release-added'> = (view, { by, release }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const { name, version, arch, sha256, keyId, bytes } = release;
  noteAudit(draft, by, 'release-add', { name, version, arch, sha256, keyId, bytes });
  noteEvent(draft, 'release-added', { name, version, arch, sha256, by: actorOf(by) });
  return decided(draft);
};

export const noteUpgrade: Decide<'upgrade-told'> = (view, params, nowMs) => {
  const draft = openDraft(view, nowMs);
  noteEvent(draft, 'coordinator-upgrade', params);
  return decided(draft);
};

export const noteRefusedRelease: Decide<'release-refused'> = (view, { by, reason, problem }, nowMs) => {
  const draft = openDraft(view, nowMs);
  noteAudit(draft, by, 'release-refused', { reason, problem });
  noteEvent(draft, 'release-refused', { reason, problem, by: actorOf(by) });
  return decided(draft);
};

export const noteRefusedInstall: Decide<'install-refused'> = (view, { by, reason, version, arch }, nowMs) => {
  const draft = openDraft(view, nowMs);
  noteAudit(draft, by, 'install-refused', { reason, version, arch });
  noteEvent(draft, 'install-refused', { reason, version, arch, by: actorOf(by) });
  return decided(draft);
};
