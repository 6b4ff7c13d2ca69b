// The scores of nodes beside each other: a bar is what a node got of the most there is; what is the same for all is folded away.
import type { NodeScore } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { Button } from '../../kit/button.tsx';
import { ScrollX } from '../../kit/layout.tsx';
import { mostly, type ScoreRow, scoreRows } from './why.ts';

export function WhyScores({ nodes, pin }: { nodes: readonly NodeScore[]; pin: (node: string) => ReactNode }) {
  const [all, setAll] = useState(false);
  const [points, setPoints] = useState(false);
  const [first] = nodes;
  if (!first) return null;
  const rows = scoreRows(nodes);
  const deciding = rows.filter(({ decides }) => decides);
  // One node alone, or all alike: nothing decides, everything is worth a look.
  const shown = all || deciding.length === 0 ? rows : deciding;
  return (
    <>
      <ScrollX label="Scores">
        <table className="plain-table why-table">
          <thead>
            <tr>
              <th scope="col">Score</th>
              {nodes.map(({ node, model, score, isHere }, i) => (
                <th key={node} scope="col" className={i === 0 ? 'why-first' : ''}>
                  <Link to="/nodes/$node" params={{ node }}>
                    {node}
                  </Link>
                  <span className="small dim why-under">
                    {isHere ? 'it is here, ' : ''}
                    {model}
                  </span>
                  {points && (
                    <span className="figure why-under">
                      {score.toFixed(1)}
                      {i > 0 && <span className="dim"> {signed(score - first.score)}</span>}
                    </span>
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <Score key={row.name} row={row} points={points} />
            ))}
            {nodes.length > 1 && (
              <tr>
                <th scope="row">
                  Mostly because
                  <span className="small dim">what sets it apart from {first.node}</span>
                </th>
                {nodes.map((node, i) => {
                  const part = i === 0 ? null : mostly(first, node);
                  return (
                    <td key={node.node} className={i === 0 ? 'why-first' : ''}>
                      <span className="why-because small">
                        {part ? `${part.name}: ${part.text}` : i > 0 ? 'the same in everything' : ''}
                      </span>
                      {i > 0 && pin(node.node)}
                    </td>
                  );
                })}
              </tr>
            )}
          </tbody>
        </table>
      </ScrollX>
      <p className="why-same small dim row wrap">
        <span>A longer bar speaks for the node. The longest bars together decide.</span>
        <Button look="quiet" aria-expanded={points} onClick={() => setPoints(!points)}>
          {points ? 'Hide the points' : 'Details'}
        </Button>
      </p>
      {deciding.length > 0 && deciding.length < rows.length && (
        <p className="why-same small dim row wrap">
          <span>
            The same for all of them:{' '}
            {rows
              .filter(({ decides }) => !decides)
              .map(({ name }) => name)
              .join(', ')}
            .
          </span>
          <Button look="quiet" onClick={() => setAll(!all)}>
            {all ? 'Leave them out' : 'Show them too'}
          </Button>
        </p>
      )}
    </>
  );
}

function Score({ row: { name, weight, cells }, points }: { row: ScoreRow; points: boolean }) {
  const best = Math.max(...cells.map((cell) => cell?.points ?? 0));
  return (
    <tr>
      <th scope="row">
        {name}
        {points && <span className="small dim">at most {weight} points</span>}
      </th>
      {cells.map((cell, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the columns keep their places
        <td key={i} className={i === 0 ? 'why-first' : ''}>
          {cell === null ? (
            <span className="dim">–</span>
          ) : (
            <>
              <span className="row">
                <span className="bar grow" aria-hidden="true">
                  <span
                    className={cell.points >= best - 0.05 ? 'good' : 'info'}
                    style={{ width: `${cell.share * 100}%` }}
                  />
                </span>
                {points && <span className="figure small why-points">{cell.points.toFixed(1)}</span>}
              </span>
              <span className="small dim why-because">{cell.text}</span>
            </>
          )}
        </td>
      ))}
    </tr>
  );
}
const signed = (gap: number) => `${gap >= 0 ? '+' : '−'}${Math.abs(gap).toFixed(1)}`;
