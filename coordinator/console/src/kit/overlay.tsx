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

interface ConfirmProps extends Omit<ButtonProps, 'onClick' | 'title'> {
  /** The question: `Forget alice?` */
  title: string;
  /** The result of the action. */
  text: ReactNode;
  /** The verb on the button. */
  verb: string;
  /** A text that the person must type before the button works, for grave actions. */
  typed?: string;
  act: () => Promise<unknown> | unknown;
  /** Whether the question is open at first, as it was asked from elsewhere. */
  asked?: boolean;
  onClose?: () => void;
}
/** A button that asks before an action that cannot be undone. After a failure the question stays open with the reason. */
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
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const [value, setValue] = useState('');
  const run = async () => {
    setBusy(true);
    setProblem('');
    try {
      await act();
      setOpen(false);
      onClose?.();
    } catch (error) {
      setProblem(wordsOf(error));
    } finally {
      setBusy(false);
    }
  };
  const change = (now: boolean) => {
    setOpen(now);
    setProblem('');
    setValue('');
    if (!now) onClose?.();
  };
  return (
    <AlertDialog.Root open={open} onOpenChange={change}>
      <AlertDialog.Trigger asChild>
        <Button look={look} {...rest}>
          {children}
        </Button>
      </AlertDialog.Trigger>
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
