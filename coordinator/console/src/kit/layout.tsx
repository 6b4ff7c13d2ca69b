// The layout of a page: its head, panels, facts and figures.
import { type ReactNode, useEffect, useId } from 'react';
import { setTitle } from './tab.ts';

/** The first thing of a page: its title (also the tab's), a line below it, actions beside it. */
export function PageHead({
  title,
  mark,
  text,
  actions,
}: {
  title: string;
  mark?: ReactNode;
  text?: ReactNode;
  actions?: ReactNode;
}) {
  useEffect(() => setTitle(title), [title]);
  return (
    <header className="page-head">
      <div className="grow">
        <div className="row wrap">
          <h1 tabIndex={-1}>{title}</h1>
          {mark}
        </div>
        {text && <p className="dim">{text}</p>}
      </div>
      {actions && <div className="row wrap page-actions">{actions}</div>}
    </header>
  );
}

/** A framed part of a page with a heading. `bare` leaves out the padding: tables and lists bring their own. */
export function Panel({
  title,
  aside,
  bare = false,
  className = '',
  children,
}: {
  title?: ReactNode;
  aside?: ReactNode;
  bare?: boolean;
  className?: string;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section className={`panel ${bare ? 'bare' : ''} ${className}`} {...(title ? { 'aria-labelledby': id } : {})}>
      {title && (
        <header className="panel-head">
          <h2 id={id} className="grow">
            {title}
          </h2>
          {aside}
        </header>
      )}
      <div className="panel-body">{children}</div>
    </section>
  );
}

/** Names and values. Falsy rows are left out. */
export function Facts({ rows }: { rows: ([name: string, value: ReactNode] | false | null | undefined)[] }) {
  return (
    <dl className="facts">
      {rows.filter(Boolean).map((row) => {
        const [name, value] = row as [string, ReactNode];
        return (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        );
      })}
    </dl>
  );
}

/** One figure with its name; `children`: a line or a picture below it. */
export function Stat({ name, value, children }: { name: string; value: ReactNode; children?: ReactNode }) {
  return (
    <div className="stat">
      <span className="dim small">{name}</span>
      <strong className="figure">{value}</strong>
      {children && <div className="dim small">{children}</div>}
    </div>
  );
}

/** The used part of something, as words and as a bar. */
export function Meter({
  label,
  value,
  max,
  text,
  tone = 'info',
}: {
  label: string;
  value: number;
  max: number;
  text: string;
  tone?: 'info' | 'good' | 'warn' | 'bad' | 'violet';
}) {
  const share = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0;
  return (
    <div className="meter">
      <span className="row">
        <span className="grow dim">{label}</span>
        <span className="figure small">{text}</span>
      </span>
      <span className="bar" aria-hidden="true">
        <span className={tone} style={{ width: `${share * 100}%` }} />
      </span>
    </div>
  );
}

/** Content that is wider than a phone scrolls sideways, also with the keyboard. */
export function ScrollX({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached with the keyboard
    <div className="scroll-x" tabIndex={0} role="group" aria-label={label}>
      {children}
    </div>
  );
}
