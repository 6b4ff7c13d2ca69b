// Tabs: parts of one page, and a row of choices of which one is chosen (an hour, a day, a week).
import { Tabs as Radix, ToggleGroup } from 'radix-ui';
import { type ReactNode, useEffect, useRef } from 'react';

interface Tab<Id extends string> {
  id: Id;
  text: ReactNode;
  body: ReactNode;
}
/** The chosen tab may be kept by the page (in its address); otherwise the first one is open. */
export function Tabs<Id extends string>({
  tabs,
  label,
  value,
  onValue,
}: {
  tabs: readonly Tab<Id>[];
  label: string;
  value?: NoInfer<Id>;
  onValue?: (id: NoInfer<Id>) => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  // Where the tabs are wider than the screen, the chosen one is in view.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab may be chosen
  useEffect(() => {
    const chosen = list.current?.querySelector<HTMLElement>('[data-state="active"]');
    if (list.current && chosen) list.current.scrollLeft = chosen.offsetLeft - list.current.clientWidth / 3;
  }, [value]);
  return (
    <Radix.Root
      className="tabs"
      {...(value === undefined ? { defaultValue: tabs[0]?.id ?? '' } : { value })}
      {...(onValue ? { onValueChange: (chosen: string) => onValue(chosen as Id) } : {})}
    >
      <Radix.List
        ref={list}
        className="tab-list"
        aria-label={label}
        // The ring is for keyboard users: a pressed tab is marked already.
        onPointerDown={() => list.current?.setAttribute('data-pressed', '')}
        onKeyDown={() => list.current?.removeAttribute('data-pressed')}
      >
        {tabs.map(({ id, text }) => (
          <Radix.Trigger key={id} value={id} className="tab">
            {text}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map(({ id, body }) => (
        <Radix.Content key={id} value={id} className="tab-body">
          {body}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}

export function Choice<T extends string>({
  label,
  value,
  options,
  onValue,
}: {
  label: string;
  value: T;
  options: readonly (readonly [value: NoInfer<T>, text: ReactNode])[];
  onValue(value: T): void;
}) {
  return (
    <ToggleGroup.Root
      type="single"
      className="choice"
      aria-label={label}
      value={value}
      onValueChange={(chosen) => chosen && onValue(chosen as T)}
    >
      {options.map(([each, text]) => (
        <ToggleGroup.Item key={each} value={each}>
          {text}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
