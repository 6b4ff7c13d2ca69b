// Where large content lies, and how the object store stands.
import { maxDocumentsBytes } from '@blackroad/protocol';
import type { Handlers } from '../http/handler.ts';

const maxTexts = 20;

export const objectHandlers = {
  objects({ context }) {
    const { where, home, disk, store, trouble, faulty, moved: _, ...figures } = context.giving.objects.figures();
    return {
      ...figures,
      ...{ store: where, home, onDisk: disk, inStore: store, mostBytes: maxDocumentsBytes, trouble },
      faulty: { count: faulty.length, texts: faulty.slice(0, maxTexts) },
    };
  },
} satisfies Partial<Handlers>;
