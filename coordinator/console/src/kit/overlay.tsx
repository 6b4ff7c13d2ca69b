// Elements over the page: dialogs, a drawer at the side, menus, and the question before an action that cannot be undone.
import { X } from 'lucide-react';
import { AlertDialog, DropdownMenu, Dialog as Radix } from 'radix-ui';
import { type ReactNode, useEffect, useState } from 'react';
import { Button, type ButtonProps } from './button.tsx';
import { Fault } from './states.tsx';
import { wordsOf } from './words.ts';

interface DialogProps {
  open: boolean;
  onOpenChange(open: boolean): void;
  title: string;
  /** One sentence below the title. */
  text?: ReactNode;
  /** `side` comes from the right: details beside a table. */
  place?: 'middle' | 'side';
  wide?: boolean;
  children?: ReactNode;
}
export function Dialog({ open, onOpenChange, title, text, place = 'middle', wide = false, children }: DialogProps) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="shade" />
        <Radix.Content
          className={place === 'side' ? 'drawer' : `dialog ${wide ? 'wide' : ''}`}
          {...(text ? {} : { 'aria-describedby': undefined })}
        >
          <header className="row">
            <Radix.Title className="grow">{title}</Radix.Title>
            <Radix.Close className="icon-button" aria-label="Close">
              <X />
            </Radix.Close>
          </header>
          {text && <Radix.Description className="dim">{text}</Radix.Description>}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface Asked {
  /** The question: `Forget alice?` */
  title: string;
  /** The result of the action. */
  text: ReactNode;
  /** The verb on the button. */
  verb: string;
  /** A text that the person must type before the button works, for grave actions. */
  typed?: string | undefined;
  act: () => Promise<unknown> | unknown;
}
interface ConfirmProps extends Asked, Omit<ButtonProps, 'onClick' | 'title'> {
  /** Whether the question is open at first, as it was asked from elsewhere. */
  asked?: boolean;
  onClose?: () => void;
}
/** A button that asks before an action that cannot be undone. */
export function ConfirmButton({
  title,
  text,
  verb,
  typed,
  act,
  asked = false,
  onClose,
  children,
  look = 'danger',
  ...rest
}: ConfirmProps) {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (asked) setOpen(true);
  }, [asked]);
  const change = (now: boolean) => {
    setOpen(now);
    if (!now) onClose?.();
  };
  return (
    <Question {...{ title, text, verb, typed, act }} open={open} onOpenChange={change}>
      <AlertDialog.Trigger asChild>
        <Button look={look} {...rest}>
          {children}
        </Button>
      </AlertDialog.Trigger>
    </Question>
  );
}

interface QuestionProps extends Asked {
  open: boolean;
  onOpenChange(open: boolean): void;
  /** What opens it; missing: it was asked from a menu. */
  children?: ReactNode;
}
/** The question before an action that cannot be undone. After a failure it stays open with the reason. */
export function Question({ title, text, verb, typed, act, open, onOpenChange, children }: QuestionProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const [value, setValue] = useState('');
  const run = async () => {
    setBusy(true);
    setProblem('');
    try {
      await act();
      change(false);
    } catch (error) {
      setProblem(wordsOf(error));
    } finally {
      setBusy(false);
    }
  };
  const change = (now: boolean) => {
    setProblem('');
    setValue('');
    onOpenChange(now);
  };
  return (
    <AlertDialog.Root open={open} onOpenChange={change}>
      {children}
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="shade" />
        <AlertDialog.Content className="dialog">
          <AlertDialog.Title>{title}</AlertDialog.Title>
          <AlertDialog.Description asChild>
            <div className="dim">{text}</div>
          </AlertDialog.Description>
          {typed && (
            <label className="field">
              <span>
                Type <code>{typed}</code> to go on
              </span>
              <input
                className="input"
                value={value}
                onChange={(event) => setValue(event.target.value)}
                autoComplete="off"
              />
            </label>
          )}
          <Fault text={problem} />
          <footer className="row end">
            <AlertDialog.Cancel asChild>
              <Button>Cancel</Button>
            </AlertDialog.Cancel>
            <Button look="danger" busy={busy} disabled={typed !== undefined && value !== typed} onClick={run}>
              {verb}
            </Button>
          </footer>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

interface MenuItem {
  text: string;
  icon?: ReactNode;
  danger?: boolean;
  disabled?: boolean;
  act(): void;
}
/** A menu below `children` (a button). Falsy items are left out, so that rights can be written in place. */
export function Menu({ items, children }: { items: (MenuItem | false | null | undefined)[]; children: ReactNode }) {
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>{children}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" sideOffset={5} align="end" collisionPadding={8}>
          {items.filter(Boolean).map((item) => {
            const { text, icon, danger, disabled, act } = item as MenuItem;
            return (
              <DropdownMenu.Item
                key={text}
                className={`menu-item ${danger ? 'bad' : ''}`}
                disabled={disabled ?? false}
                onSelect={act}
              >
                {icon}
                {text}
              </DropdownMenu.Item>
            );
          })}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
