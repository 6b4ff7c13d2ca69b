// The actions of the palette on every page: the console's own, and verbs with a node or an agent. Only permitted actions are shown.
import type { AgentLine, NodeLine, RouteName } from '@blackroad/protocol';
import { type LinkOptions, useNavigate, useRouterState } from '@tanstack/react-router';
import {
  Bot,
  Download,
  FileText,
  HelpCircle,
  KeyRound,
  LogOut,
  MessageCircle,
  Monitor,
  Moon,
  Pencil,
  Plus,
  RotateCcw,
  Server,
  Split,
  Sun,
} from 'lucide-react';
import type { ReactNode } from 'react';
import { useAgents, useNodes } from '../data/live.ts';
import { useAct } from '../data/query.ts';
import { useMay } from '../data/session.tsx';
import type { SearchOf } from '../kit/address.ts';
import { setTheme, type Theme, useTheme } from '../kit/theme.ts';
import type { Command } from './commands.ts';
import { useDoor } from './door.tsx';
import { namedBy, restOf, type Verb } from './verbs.ts';

/** Of one verb. */
const maxOfVerb = 6;

interface OwnCommand extends Command {
  may?: RouteName;
}
interface NodeVerb extends Verb {
  id: string;
  icon: ReactNode;
  may: RouteName;
  fits?: (node: NodeLine) => boolean;
  act(node: string): void;
}
interface AgentVerb extends Verb {
  id: string;
  icon: ReactNode;
  may: RouteName;
  act(agent: string): void;
}

/** Everything that fits what was typed; with nothing typed the console's own actions. */
export function usePaletteActions(typed: string, openKeys: () => void): Command[] {
  const may = useMay();
  const own = useOwn(openKeys).filter(({ may: route }) => !route || may(route));
  const nodes = useNodes();
  const agents = useAgents();
  const here = useRouterState({ select: ({ location }) => location.pathname });
  const [, onNode = null] = /^\/nodes\/([^/]+)$/.exec(here) ?? [];
  const [, onAgent = null] = /^\/agents\/([^/]+)$/.exec(here) ?? [];
  const nodeVerbs = useNodeVerbs();
  const agentVerbs = useAgentVerbs();
  const wanted = typed.trim().toLowerCase();
  const fits = ({ text, words = '' }: Command) =>
    wanted.split(/\s+/).every((word) => `${text} ${words}`.toLowerCase().includes(word));
  const rows: Command[] = [];
  for (const verb of nodeVerbs) {
    const rest = may(verb.may) ? restOf(typed, verb) : null;
    if (rest === null) continue;
    const open = nodes.list.filter((node) => verb.fits?.(node) ?? true);
    for (const { id } of namedBy(open, rest, nodeName, maxOfVerb, onNode))
      rows.push({ id: `${verb.id}:${id}`, text: `${verb.text} ${id}`, icon: verb.icon, act: () => verb.act(id) });
  }
  for (const verb of agentVerbs) {
    const rest = may(verb.may) ? restOf(typed, verb) : null;
    if (rest === null) continue;
    for (const { name } of namedBy(agents.list, rest, agentName, maxOfVerb, onAgent))
      rows.push({ id: `${verb.id}:${name}`, text: `${verb.text} ${name}`, icon: verb.icon, act: () => verb.act(name) });
  }
  return [...rows, ...own.filter(fits)];
}
const nodeName = ({ id }: NodeLine) => id;
const agentName = ({ name }: AgentLine) => name;

function useOwn(openKeys: () => void): OwnCommand[] {
  const navigate = useNavigate();
  const theme = useTheme();
  const { signOut } = useDoor();
  const go = (to: LinkOptions) => () => void navigate(to);
  const themes: [theme: Theme, text: string, icon: ReactNode][] = [
    ['dark', 'Dark theme', <Moon key="dark" />],
    ['light', 'Light theme', <Sun key="light" />],
    ['system', 'Theme of the system', <Monitor key="system" />],
  ];
  return [
    {
      id: 'new-agent',
      text: 'New agent',
      words: 'add create start',
      icon: <Plus />,
      may: 'agentApply',
      act: go({ to: '/new-agent' }),
    },
    {
      id: 'add-node',
      text: 'Add a node',
      words: 'new join machine token',
      icon: <Server />,
      may: 'joinTokenCreate',
      act: go({ to: '/nodes/add' }),
    },
    {
      id: 'fetch',
      text: 'Fetch a model',
      words: 'pull download',
      icon: <Download />,
      may: 'nodePull',
      act: go({ to: '/models', search: { do: 'fetch' } }),
    },
    {
      id: 'what-if',
      text: 'What if …',
      words: 'plan lose drain simulate',
      icon: <Split />,
      may: 'whatIf',
      act: go({ to: '/placement', search: { tab: 'what-if' } }),
    },
    {
      id: 'retry',
      text: 'Retry failed tasks',
      words: 'dead letters again',
      icon: <RotateCcw />,
      may: 'taskRetry',
      act: go({ to: '/tasks', search: { dead: 'true' } }),
    },
    {
      id: 'new-key',
      text: 'Create a key',
      words: 'user api add',
      icon: <KeyRound />,
      may: 'keyCreate',
      act: go({ to: '/keys', search: { do: 'create' } }),
    },
    ...themes.map(([name, text, icon]) => ({
      id: `theme-${name}`,
      text: theme === name ? `${text} (as it is now)` : text,
      words: 'appearance mode',
      icon,
      act: () => setTheme(name),
    })),
    { id: 'keys', text: 'Keyboard shortcuts', words: 'help keys ?', icon: <HelpCircle />, act: openKeys },
    { id: 'sign-out', text: 'Sign out', words: 'log out leave', icon: <LogOut />, act: () => void signOut() },
  ];
}

function useNodeVerbs(): NodeVerb[] {
  const navigate = useNavigate();
  const to = (search: SearchOf<'/nodes/$node'>) => (node: string) =>
    void navigate({ to: '/nodes/$node', params: { node }, search });
  const edit = useAct('nodeEdit', {
    done: ({ id, cordoned }) =>
      cordoned ? `${id} is cordoned: nothing new is placed on it.` : `${id} takes agents again.`,
  });
  const change = (body: object) => (node: string) => edit.mutate({ params: { node }, body });
  const isOpen = ({ cordoned, draining }: NodeLine) => !cordoned && !draining;
  return [
    {
      id: 'cordon',
      text: 'Cordon',
      words: ['close', 'stop'],
      icon: <Server />,
      may: 'nodeEdit',
      fits: isOpen,
      act: change({ cordoned: true }),
    },
    {
      id: 'uncordon',
      text: 'Uncordon',
      words: ['open', 'undrain', 'cordon'],
      icon: <Server />,
      may: 'nodeEdit',
      fits: (node) => !isOpen(node),
      act: change({ cordoned: false, draining: false }),
    },
    {
      id: 'drain',
      text: 'Drain',
      words: ['empty', 'move'],
      icon: <Server />,
      may: 'nodeEdit',
      fits: ({ draining }) => !draining,
      act: to({ do: 'drain' }),
    },
    {
      id: 'log',
      text: 'Log of',
      words: ['logs', 'journal'],
      icon: <FileText />,
      may: 'nodeLog',
      act: to({ tab: 'log' }),
    },
    {
      id: 'models-of',
      text: 'Models of',
      words: ['models', 'fetch', 'pull'],
      icon: <Download />,
      may: 'nodes',
      act: to({ tab: 'models' }),
    },
  ];
}
function useAgentVerbs(): AgentVerb[] {
  const navigate = useNavigate();
  const to = (search: SearchOf<'/agents/$agent'>) => (agent: string) =>
    void navigate({ to: '/agents/$agent', params: { agent }, search });
  return [
    { id: 'ask', text: 'Ask', words: ['chat', 'talk', 'message'], icon: <MessageCircle />, may: 'ask', act: to({}) },
    {
      id: 'edit',
      text: 'Edit',
      words: ['change', 'spec'],
      icon: <Pencil />,
      may: 'agentApply',
      act: to({ tab: 'spec' }),
    },
    {
      id: 'why',
      text: 'Why',
      words: ['explain', 'where'],
      icon: <Bot />,
      may: 'agentExplain',
      act: to({ tab: 'why' }),
    },
  ];
}
