// The first starts of Pis whose cards have the token of this page, live: what each has done, what it waits for, and why.
import type { FirstBootView, NodeView } from '@blackroad/protocol';
import { useNode } from '../../data/live.ts';
import { useRoute } from '../../data/query.ts';
import { Time } from '../../fleet/time.tsx';
import { Panel } from '../../kit/layout.tsx';
import type { Shape, Tone } from '../../kit/looks.ts';
import { Glyph } from '../../kit/status.tsx';
import { firstBootSteps, type ListedStep } from './first-boot-steps.ts';

/** A first start takes minutes, and is watched by one person. */
const askMs = 2_000;
/** A bench of more Pis is watched in the table of nodes. */
const shown = 12;

const looks: Record<ListedStep['stand'], [shape: Shape, tone: Tone, word: string]> = {
  done: ['tick', 'good', 'done'],
  now: ['half', 'info', 'under way'],
  bad: ['cross', 'bad', 'not yet'],
  later: ['ring', 'dim', 'to come'],
};

export function FirstBoots({ token }: { token: string }) {
  const found = useRoute('firstBoots', { params: { id: token } }, { refetchInterval: askMs });
  if (!found.data || found.data.length === 0) return null;
  return (
    <Panel title="First start" bare>
      <ul className="add-node-came">
        {found.data.slice(0, shown).map((boot) => (
          <li key={boot.board}>
            {boot.node === undefined ? (
              <FirstBoot boot={boot} node={null} />
            ) : (
              <JoinedBoot boot={boot} id={boot.node} />
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function JoinedBoot({ boot, id }: { boot: FirstBootView; id: string }) {
  return <FirstBoot boot={boot} node={useNode(id).row} />;
}

function FirstBoot({ boot, node }: { boot: FirstBootView; node: NodeView | null }) {
  return (
    <div className="grow stack">
      <p className="row wrap">
        <strong className="grow">{boot.node ?? boot.name}</strong>
        <span className="dim small">
          told <Time at={boot.atMs} />
        </span>
      </p>
      <ol className="add-node-steps" aria-live="polite">
        {firstBootSteps(boot, node).map(({ word, stand, text }) => {
          const [shape, tone, said] = looks[stand];
          return (
            <li key={word} className={stand === 'later' ? 'dim' : ''}>
              <Glyph shape={shape} tone={tone} />
              <span>
                {word}
                <span className="sr-only"> ({said})</span>
                {text && <span className={stand === 'bad' ? 'bad small' : 'dim small'}> {text}</span>}
              </span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
