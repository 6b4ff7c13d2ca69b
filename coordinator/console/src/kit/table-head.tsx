// The head of a column of a VirtualTable: pressed it sorts, its edge is dragged for another width.
import { ArrowDown, ArrowUp } from 'lucide-react';
import { useRef } from 'react';
import type { Column } from './columns.ts';

export function HeadCell<T>({
  column,
  sorting,
  setSorting,
  resize,
}: {
  column: Column<T>;
  sorting: { id: string; desc: boolean }[];
  setSorting(now: { id: string; desc: boolean }[]): void;
  /** In pixels; null: as it was. */
  resize(to: number | null): void;
}) {
  const cell = useRef<HTMLSpanElement>(null);
  const now = sorting.find(({ id }) => id === column.id);
  const first = column.largestFirst ?? false;
  const press = () =>
    setSorting(!now ? [{ id: column.id, desc: first }] : now.desc === first ? [{ id: column.id, desc: !first }] : []);
  return (
    <span
      ref={cell}
      role="columnheader"
      className={`cell ${column.align ?? ''}`}
      aria-sort={now ? (now.desc ? 'descending' : 'ascending') : 'none'}
    >
      <button type="button" className="head-button" onClick={press}>
        <span className="cut">{column.title}</span>
        {now && (now.desc ? <ArrowDown aria-hidden="true" /> : <ArrowUp aria-hidden="true" />)}
      </button>
      <span
        className="head-grip only-wide"
        aria-hidden="true"
        title="Drag to resize; double-click for its own width"
        onDoubleClick={() => resize(null)}
        onPointerDown={(event) => {
          event.preventDefault();
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          if (!event.currentTarget.hasPointerCapture(event.pointerId) || !cell.current) return;
          resize(event.clientX - cell.current.getBoundingClientRect().left);
        }}
      />
    </span>
  );
}
