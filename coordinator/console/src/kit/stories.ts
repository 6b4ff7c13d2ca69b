// A story is one state of one component; `*.stories.tsx` beside the component exports `stories`. Shown at /stories in `make dev`.
import type { ReactNode } from 'react';

export type Stories = Record<string, () => ReactNode>;
