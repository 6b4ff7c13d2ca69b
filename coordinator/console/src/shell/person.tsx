// The signed-in person, the theme, and the sign-out.
import { ChevronsUpDown, Keyboard, LogOut, Monitor, Moon, Sun } from 'lucide-react';
import { useMe } from '../data/session.tsx';
import { Menu } from '../kit/overlay.tsx';
import { setTheme, useTheme } from '../kit/theme.ts';
import { useDoor } from './door.tsx';

export function Person({ openKeys }: { openKeys(): void }) {
  const { name, roles } = useMe();
  const role = roles.join(', ');
  const { signOut } = useDoor();
  const now = useTheme();
  return (
    <Menu
      items={[
        now !== 'dark' && { text: 'Dark', icon: <Moon />, act: () => setTheme('dark') },
        now !== 'light' && { text: 'Light', icon: <Sun />, act: () => setTheme('light') },
        now !== 'system' && { text: 'Theme of the system', icon: <Monitor />, act: () => setTheme('system') },
        { text: 'Keyboard shortcuts', icon: <Keyboard />, act: openKeys },
        { text: 'Sign out', icon: <LogOut />, act: () => void signOut() },
      ]}
    >
      <button
        type="button"
        className="person"
        aria-label={`${name === role ? name : `${name} ${role}`}: theme, keys, sign out`}
      >
        <span className="grow cut">{name}</span>
        {name !== role && <span className="dim small"> {role}</span>}
        <ChevronsUpDown aria-hidden="true" />
      </button>
    </Menu>
  );
}
