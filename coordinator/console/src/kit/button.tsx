// Buttons, and links that look like them. `busy` keeps the width and says so; an icon alone needs a label.
import { Link, type LinkProps } from '@tanstack/react-router';
import { Tooltip as RadixTooltip } from 'radix-ui';
import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react';

type Look = 'plain' | 'primary' | 'danger' | 'quiet';
export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  busy?: boolean;
  icon?: ReactNode;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ look = 'plain', busy = false, icon, children, className = '', ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={`button ${look} ${className}`}
      aria-busy={busy || undefined}
      disabled={rest.disabled || busy}
    >
      {icon}
      {children}
    </button>
  );
}

/** An icon with a name: the name is its label and its tooltip. */
export function IconButton({ label, children, className = '', ...rest }: ButtonProps & { label: string }) {
  return (
    <Tip text={label}>
      <button type="button" {...rest} className={`icon-button ${className}`} aria-label={label}>
        {children}
      </button>
    </Tip>
  );
}

export function LinkButton({
  look = 'plain',
  icon,
  children,
  ...rest
}: LinkProps & { look?: Look; icon?: ReactNode; children: ReactNode }) {
  return (
    <Link {...rest} className={`button ${look}`}>
      {icon}
      {children}
    </Link>
  );
}

/** Words on hover and focus; never the only place that says something important. */
function Tip({ text, children }: { text: ReactNode; children: ReactNode }) {
  return (
    <RadixTooltip.Root>
      <RadixTooltip.Trigger asChild>{children}</RadixTooltip.Trigger>
      <RadixTooltip.Portal>
        <RadixTooltip.Content className="tip" sideOffset={6} collisionPadding={8}>
          {text}
        </RadixTooltip.Content>
      </RadixTooltip.Portal>
    </RadixTooltip.Root>
  );
}
