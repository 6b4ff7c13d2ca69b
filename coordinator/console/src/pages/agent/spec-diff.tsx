// Two versions of a spec side by side; on a phone one below the other. What changed is marked by a sign and a word, not by colour alone.
import type { AgentSpec } from '@blackroad/protocol';
import { useIsPhone } from '../../kit/use-phone.ts';
import { plural } from '../../kit/words.ts';
import { writeSpec } from '../agents/spec-text.ts';
import { type DiffRow, diff, folded } from './diff.ts';

interface Props {
  before: AgentSpec | null;
  after: AgentSpec;
  names: [before: number | null, after: number];
}
export function SpecDiff({ before, after, names }: Props) {
  const phone = useIsPhone();
  const text = writeSpec(after, 'yaml');
  if (before === null) {
    return (
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with keys
      <pre className="diff-whole" tabIndex={0}>
        {text}
      </pre>
    );
  }
  const rows = diff(writeSpec(before, 'yaml'), text);
  if (rows.every(({ same }) => same)) return <p className="dim">They are the same.</p>;
  return (
    <div
      className="diff scroll-x"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with keys
      tabIndex={0}
      role="region"
      aria-label={`What changed from version ${names[0]} to ${names[1]}`}
    >
      <table>
        <colgroup>
          <col className="numbers" />
          <col />
          {!phone && <col className="numbers" />}
          {!phone && <col />}
        </colgroup>
        {!phone && (
          <thead>
            <tr>
              <th scope="col" colSpan={2}>
                version {names[0]}
              </th>
              <th scope="col" colSpan={2}>
                version {names[1]}
              </th>
            </tr>
          </thead>
        )}
        <tbody>
          {folded(rows).map((row, i) =>
            typeof row === 'number' ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows have no name
              <tr key={i}>
                <td colSpan={phone ? 2 : 4} className="diff-fold dim small">
                  {plural(row, 'line')} the same
                </td>
              </tr>
            ) : phone ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows have no name
              <Unified key={i} row={row} />
            ) : (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows have no name
              <tr key={i}>
                <Side line={row.left} kind={row.same ? '' : 'removed'} />
                <Side line={row.right} kind={row.same ? '' : 'added'} />
              </tr>
            ),
          )}
        </tbody>
      </table>
    </div>
  );
}

function Unified({ row: { left, right, same } }: { row: DiffRow }) {
  return (
    <>
      {left && (
        <tr>
          <Side line={left} kind={same ? '' : 'removed'} />
        </tr>
      )}
      {right && !same && (
        <tr>
          <Side line={right} kind="added" />
        </tr>
      )}
    </>
  );
}
const signs = { added: ['+', 'added: '], removed: ['−', 'removed: '], '': ['', ''] } as const;
function Side({ line, kind }: { line: DiffRow['left']; kind: keyof typeof signs }) {
  if (line === null) return <td colSpan={2} className="diff-none" />;
  const [sign, word] = signs[kind];
  return (
    <>
      <td className={`diff-line dim ${kind}`}>
        {line.line}
        <span aria-hidden="true"> {sign}</span>
      </td>
      <td className={`diff-text ${kind}`}>
        {word && <span className="sr-only">{word}</span>}
        {line.text}
      </td>
    </>
  );
}
