// The command palette: to any page, node or agent by typing a part of its name, and the actions of this page and of the console.
import { type LinkOptions, useNavigate } from '@tanstack/react-router';
import { Command } from 'cmdk';
import { Bot, Cpu } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import { type ReactNode, useState } from 'react';
import { useAgents, useNodes } from '../data/live.ts';
import { lookOf } from '../kit/looks.ts';
import { Glyph } from '../kit/status.tsx';
import { useAllCommands } from './commands.ts';
import type { PageRoute } from './page.ts';
import { usePaletteActions } from './palette-actions.tsx';

const maxFound = 8;

interface PaletteProps {
  open: boolean;
  onOpenChange(open: boolean): void;
  pages: PageRoute[];
  openKeys(): void;
}
export function Palette(props: PaletteProps) {
  return (
    <Radix.Root open={props.open} onOpenChange={props.onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="shade" />
        <Radix.Content className="palette" aria-describedby={undefined}>
          <Radix.Title className="sr-only">Go anywhere, do anything</Radix.Title>
          <Finder {...props} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface Found {
  id: string;
  text: string;
  icon: ReactNode;
  aside?: ReactNode;
  act(): void;
}

function Finder({ onOpenChange, pages, openKeys }: PaletteProps) {
  const [text, setText] = useState('');
  const navigate = useNavigate();
  const nodes = useNodes();
  const agents = useAgents();
  const commands = useAllCommands();
  const actions = usePaletteActions(text, openKeys);
  const wanted = text.trim().toLowerCase();
  const fits = (...words: (string | undefined)[]) => words.some((word) => word?.toLowerCase().includes(wanted));
  const go = (to: LinkOptions) => () => void navigate(to);
  const shape = (word: string) => {
    const look = lookOf(word);
    return <Glyph shape={look.shape} tone={look.tone} />;
  };

  const found: [heading: string, rows: Found[]][] = [
    [
      'Pages',
      pages.flatMap(({ path, nav }) => {
        if (!nav || !fits(nav.text)) return [];
        const Icon = nav.icon;
        return [{ id: path, text: nav.text, icon: <Icon />, act: () => void navigate({ to: path }) }];
      }),
    ],
    [
      'Nodes',
      wanted === '' && nodes.rows.size > maxFound
        ? []
        : first(nodes.rows.values(), ({ id }) => fits(id), maxFound).map(({ id, presence, class: kind, site }) => ({
            id: `node:${id}`,
            text: id,
            icon: <Cpu />,
            aside: (
              <>
                {kind} · {site} {shape(presence)}
              </>
            ),
            act: go({ to: '/nodes/$node', params: { node: id } }),
          })),
    ],
    [
      'Agents',
      wanted === '' && agents.rows.size > maxFound
        ? []
        : first(agents.rows.values(), ({ name }) => fits(name), maxFound).map(({ name, state }) => ({
            id: `agent:${name}`,
            text: name,
            icon: <Bot />,
            aside: shape(state),
            act: go({ to: '/agents/$agent', params: { agent: name } }),
          })),
    ],
    [
      'Actions',
      [
        ...commands.filter((each) => fits(each.text, each.words)),
        ...actions.filter(({ id }) => commands.every((each) => each.id !== id)),
      ].map((each) => ({ icon: null, ...each })),
    ],
  ];
  return (
    <Command shouldFilter={false} loop label="Go anywhere, do anything">
      <Command.Input value={text} onValueChange={setText} placeholder="A page, a node, an agent, an action …" />
      <Command.List>
        <Command.Empty>Nothing is called “{text}”.</Command.Empty>
        {found.map(([heading, rows]) =>
          rows.length === 0 ? null : (
            <Command.Group key={heading} heading={heading}>
              {rows.map(({ id, text: name, icon, aside, act }) => (
                <Command.Item
                  key={id}
                  value={id}
                  onSelect={() => {
                    onOpenChange(false);
                    act();
                  }}
                >
                  {icon}
                  <span className="grow cut">{name}</span>
                  {aside && <span className="dim small row">{aside}</span>}
                </Command.Item>
              ))}
            </Command.Group>
          ),
        )}
      </Command.List>
    </Command>
  );
}

function first<T>(all: Iterable<T>, fits: (each: T) => boolean, max: number): T[] {
  const found: T[] = [];
  for (const each of all) {
    if (!fits(each)) continue;
    found.push(each);
    if (found.length === max) break;
  }
  return found;
}
