// The bar above a table: search, facets, saved views, the choice of columns; and the actions for selected rows.
import { Bookmark, Columns3, Trash2, X } from 'lucide-react';
import { Popover } from 'radix-ui';
import { type ReactNode, useState } from 'react';
import { Button, IconButton } from './button.tsx';
import { type Column, type Facet, facetWords } from './columns.ts';
import { Checkbox, SearchField } from './field.tsx';
import type { TableState } from './table-state.ts';

/** A facet with more words than this has a search in place of a menu. */
const maxWords = 60;

interface BarProps<T> {
  state: TableState;
  searchLabel: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  shown: readonly Column<T>[];
  facets: readonly Facet<T>[];
  /** From the search to the first row. */
  toRows(): void;
}
export function TableBar<T>({ state, searchLabel, rows, columns, shown, facets, toRows }: BarProps<T>) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: from the search the arrow leads into the rows
    <div
      className="table-bar"
      onKeyDown={(event) => {
        if (event.key !== 'ArrowDown' || !(event.target as HTMLElement).matches('[data-search]')) return;
        event.preventDefault();
        toRows();
      }}
    >
      <SearchField label={searchLabel} value={state.text} onValue={state.setText} />
      {facets.map((facet) => {
        const words = facetWords(rows, facet);
        const value = state.facet(facet.id);
        if (words.length < 2 && !value) return null;
        return (
          <select
            key={facet.id}
            className="input facet"
            aria-label={facet.title}
            value={value}
            onChange={(event) => state.setFacet(facet.id, event.target.value)}
          >
            <option value="">{facet.title}: all</option>
            {words.slice(0, maxWords).map(([word, count]) => (
              <option key={word} value={word}>
                {word} ({count})
              </option>
            ))}
          </select>
        );
      })}
      {state.filtered && (
        <Button look="quiet" icon={<X />} onClick={state.clear}>
          Clear filter
        </Button>
      )}
      <span className="grow" />
      <span className="row only-wide">
        <Views state={state} />
        <Popover.Root>
          <Popover.Trigger asChild>
            <Button look="quiet" icon={<Columns3 />}>
              Columns
            </Button>
          </Popover.Trigger>
          <Popover.Portal>
            <Popover.Content className="menu pad" align="end" sideOffset={5} collisionPadding={8}>
              {columns.slice(1).map((column) => (
                <Checkbox
                  key={column.id}
                  label={column.title}
                  checked={shown.includes(column)}
                  onChange={(event) => state.setColumns({ ...state.columns, [column.id]: event.target.checked })}
                />
              ))}
            </Popover.Content>
          </Popover.Portal>
        </Popover.Root>
      </span>
    </div>
  );
}

function Views({ state }: { state: TableState }) {
  const [name, setName] = useState('');
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <Button look="quiet" icon={<Bookmark />}>
          Views
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="menu pad" align="end" sideOffset={5} collisionPadding={8}>
          {state.views.length === 0 && <p className="dim small">No saved view yet.</p>}
          {state.views.map((view) => (
            <div key={view.name} className="row">
              <button type="button" className="menu-item grow view" onClick={() => state.open(view)}>
                {view.name}
              </button>
              <IconButton label={`Forget ${view.name}`} onClick={() => state.forget(view.name)}>
                <Trash2 />
              </IconButton>
            </div>
          ))}
          <form
            className="row"
            onSubmit={(event) => {
              event.preventDefault();
              state.save(name.trim());
              setName('');
            }}
          >
            <input
              className="input"
              aria-label="Name of the view"
              placeholder="Save this view as …"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
            <Button type="submit" disabled={name.trim() === ''}>
              Save
            </Button>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

export function BulkBar({ count, clear, children }: { count: number; clear(): void; children: ReactNode }) {
  return (
    <div className="bulk" role="region" aria-label="Selected rows">
      <strong className="grow">{count} selected</strong>
      {children}
      <IconButton label="Select nothing" onClick={clear}>
        <X />
      </IconButton>
    </div>
  );
}
