// A short table that is wholly on the page: one row a thing, its first cell the row's heading. VirtualTable is for long ones.
import type { ReactNode } from 'react';
import { ScrollX } from './layout.tsx';

export interface PlainColumn<T> {
  /** It is also the key of the column. */
  title: string;
  /** The content of the head in place of the title. */
  head?: ReactNode;
  /** Whether only screen readers get the title. */
  isTitleHidden?: boolean;
  cell(row: T): ReactNode;
  align?: 'end';
  className?: string;
}

interface PlainTableProps<T> {
  /** The name of the table for screen readers. */
  label: string;
  columns: readonly PlainColumn<T>[];
  rows: readonly T[];
  rowId(row: T): string;
  rowClass?: (row: T) => string | undefined;
  /** Shown below the head while there is no row. */
  none?: string;
  className?: string;
}
export function PlainTable<T>({
  label,
  columns,
  rows,
  rowId,
  rowClass,
  none,
  className: tableClass,
}: PlainTableProps<T>) {
  const classOf = ({ align, className }: PlainColumn<T>) => [align, className].filter(Boolean).join(' ') || undefined;
  return (
    <ScrollX label={label}>
      <table className={tableClass ? `plain-table ${tableClass}` : 'plain-table'}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} scope="col" className={classOf(column)}>
                {column.isTitleHidden ? <span className="sr-only">{column.title}</span> : (column.head ?? column.title)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowId(row)} className={rowClass?.(row)}>
              {columns.map((column, i) =>
                i === 0 ? (
                  <th key={column.title} scope="row" className={classOf(column)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.title} className={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
          {rows.length === 0 && none && (
            <tr>
              <td colSpan={columns.length} className="dim">
                {none}
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </ScrollX>
  );
}
