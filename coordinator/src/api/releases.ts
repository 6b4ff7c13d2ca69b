// Releases over HTTP: lists and parts of archives for people and machines, uploads and removals for people.
import { FleetError, maxReleaseBytes, maxReleasesBytes, type Release } from '@blackroad/protocol';
import { maxSignatureChars } from '@blackroad/std/minisign';
import type { Call, Handlers } from '../http/handler.ts';
import { machinePrincipal } from '../http/machines.ts';
import { RefusedRelease } from '../releases/releases.ts';
import { sendFile } from './send-file.ts';

const wrong = (detail: string) => new FleetError('invalid-request', { detail });

async function takeForm({ context, by, request }: Call<'releaseAdd'>): Promise<{ release: Release; isNew: boolean }> {
  if (!request.isMultipart()) throw wrong('headers: content-type: expected multipart/form-data, got another');
  let signature: string | null = null;
  const limits = { files: 1, fields: 4, fieldSize: maxSignatureChars, fileSize: maxReleaseBytes + 1 };
  for await (const part of request.parts({ limits })) {
    if (part.type === 'field') {
      if (part.fieldname === 'signature') signature = String(part.value);
    } else if (part.fieldname === 'file') return await context.releases.add(part.file, signature, by);
    else part.file.resume();
  }
  throw wrong('file: expected the archive of a release after its signature, got nothing');
}

export const releaseHandlers = {
  async releases({ context: { releases }, query }) {
    return {
      releases: releases.list(query),
      keys: (await releases.keys()).map(({ id, text, file }) => ({ id, text, file })),
      keysFolder: releases.keysDir,
      heldBytes: releases.heldBytes,
      refused: releases.refused(),
      maxBytes: maxReleasesBytes,
    };
  },
  async releaseAdd(call) {
    const { context, by } = call;
    try {
      const { release, isNew } = await takeForm(call);
      if (isNew) await context.coordinator.submit('release-added', { by, release });
      return release;
    } catch (error) {
      if (error instanceof RefusedRelease) {
        const { reason, message: problem } = error;
        await context.coordinator.submit('release-refused', { by, reason, problem }).catch(() => {}); // its loss is counted by the loop
      }
      throw error;
    }
  },
  async installRefused({ context: { coordinator, releases }, body, by, request }) {
    const { refusedThere } = releases.figures;
    refusedThere[body.reason] = (refusedThere[body.reason] ?? 0) + 1;
    await coordinator.submit('install-refused', { ...body, by: machinePrincipal(request.machine) ?? by });
  },
  releaseContent(call) {
    const { context, params, request, by } = call;
    const release = context.releases.get(params.release);
    const { sha256, bytes } = release;
    return sendFile(call, { type: 'application/gzip', bytes, sha256 }, (range) =>
      context.releases.read(release, range, request.machine ?? by.name),
    );
  },
  async releaseRemove({ context, params, by }) {
    const { name, version, arch, sha256 } = await context.releases.remove(params.release);
    await context.coordinator.submit('audit', {
      by,
      action: 'release-remove',
      params: { name, version, arch, sha256 },
    });
  },
} satisfies Partial<Handlers>;
