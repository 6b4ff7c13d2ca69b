// The filters of an agent's spec: the nodes that it may run on, whatever their state and load.
import {
  type AgentSpec,
  boardNeedsInWords,
  type FixStep,
  isApart,
  labelList,
  lacksOfBoard,
  listInWords,
  numberInWords,
} from '@blackroad/protocol';
import type { SupplyNode } from '../model/supply.ts';
import { editAgent } from '../why/edit-agent.ts';
import type { Filter, Ruled, RuledNode, Shortage } from './filter.ts';

interface Rule<N = RuledNode> extends Filter<Ruled<N>> {
  allows: (spec: AgentSpec, node: N) => boolean;
}
interface NodeRule extends Rule {
  /** The allowed nodes, in words that follow "node": `of class pi`; null: the spec has no such rule. */
  asked: (placement: AgentSpec['placement']) => string | null;
}

export const namedNodes = {
  name: 'nodes',
  text: 'the spec names the nodes it may run on',
  allows: ({ placement }, { id }) => placement.nodes.length === 0 || placement.nodes.includes(id),
  words: ({ spec: { placement } }) => `its spec allows only ${listInWords(placement.nodes, 'or')}`,
  asked: (placement) => (placement.nodes.length > 0 ? `named ${listInWords(placement.nodes, 'or')}` : null),
  fix: {
    cost: () => 6,
    // The fix when none of the named nodes exists: another node is not acceptable.
    ways: ({ spec: { placement } }: Pick<Ruled, 'spec'>): FixStep => [
      editAgent('placement.nodes', 'replace', placement.nodes),
      { verb: 'join-node', why: 'missing', class: null, names: placement.nodes },
    ],
  },
} satisfies NodeRule;

/** The rules of a spec about nodes. */
export const rules: readonly NodeRule[] = [
  namedNodes,
  {
    name: 'class',
    text: 'the spec names the classes it may run on; an empty list is any class but cloud',
    allows: ({ placement }, node) =>
      placement.class.length === 0 ? node.class !== 'cloud' : placement.class.includes(node.class),
    words: ({ spec: { placement }, room: { node } }) =>
      placement.class.length === 0
        ? 'class cloud costs money and must be named'
        : `class ${node.class} is not ${listInWords(placement.class, 'or')}`,
    asked: (placement) => (placement.class.length > 0 ? `of class ${listInWords(placement.class, 'or')}` : null),
    fix: {
      // Advice that costs money comes last, after any other change.
      cost: (node) => (node.class === 'cloud' ? 30 : 6),
      ways: ({ room: { node } }) => [editAgent('placement.class', 'add', [node.class])],
    },
  },
  {
    name: 'site',
    text: 'the spec names the sites it may run at',
    allows: ({ placement }, { site }) => placement.site.length === 0 || placement.site.includes(site),
    words: ({ spec: { placement }, room: { node } }) =>
      `site ${node.site || '(none)'} is not ${listInWords(placement.site, 'or')}`,
    asked: (placement) => (placement.site.length > 0 ? `at site ${listInWords(placement.site, 'or')}` : null),
    fix: {
      cost: () => 6,
      ways: ({ room: { node } }) => [{ ...editAgent('placement.site', 'add', [node.site]), node: node.id }],
    },
  },
  {
    name: 'simulated',
    text: 'a simulated node takes only agents whose spec says `placement.simulated`, unless it has the label `simulated=mix`',
    allows: ({ placement }, node) => !isApart(node) || placement.simulated === true,
    words: () => 'it is simulated: its answers are made up',
    asked: (placement) => (placement.simulated ? 'simulated or not' : null),
    fix: {
      // Advice for simulated nodes comes last: an agent there remembers simulated answers.
      cost: () => 50,
      ways: ({ room: { node } }) => [
        editAgent('placement.simulated', 'set', [true]),
        { verb: 'label-node', node: node.id, labels: { simulated: 'mix' } },
      ],
    },
  },
  {
    name: 'labels',
    text: 'every label of the spec is on the node, with the same value',
    allows: ({ placement }, node) => {
      for (const key in placement.labels) if (placement.labels[key] !== node.labels[key]) return false;
      return true;
    },
    words: ({ spec: { placement }, room: { node } }) => {
      const key = Object.keys(placement.labels).find((each) => placement.labels[each] !== node.labels[each]) as string;
      const [wanted, has] = [placement.labels[key], node.labels[key]];
      return has === undefined ? `no label ${key}=${wanted}` : `label ${key} is ${has}, not ${wanted}`;
    },
    asked: ({ labels }) => (Object.keys(labels).length > 0 ? `with ${listInWords(labelList(labels))}` : null),
    fix: {
      cost: () => 6,
      ways: ({ spec: { placement }, room: { node } }) => {
        const lacking = Object.entries(placement.labels).filter(([key, value]) => node.labels[key] !== value);
        return [
          { verb: 'label-node', node: node.id, labels: Object.fromEntries(lacking) },
          editAgent(
            'placement.labels',
            'remove',
            lacking.map(([key]) => key),
          ),
        ];
      },
    },
  },
];
/** A rule of the spec as well, but the node must have reported its capacity. */
export const price: Rule<SupplyNode> & Shortage = {
  name: 'price',
  text: 'the node costs no more than `maxPricePerMillionTokens`',
  allows: ({ placement }, node) =>
    placement.maxPricePerMillionTokens === undefined ||
    node.pricePerMillionTokens <= placement.maxPricePerMillionTokens,
  words: ({ spec: { placement }, room: { node } }) =>
    `costs $${numberInWords(node.pricePerMillionTokens)} a million tokens, ` +
    `$${numberInWords(placement.maxPricePerMillionTokens ?? 0)} is the most allowed`,
  only: (subject) => `no ${subject} is cheap enough`,
  lacking: 'too expensive',
  fix: {
    cost: () => 20,
    ways: ({ room: { node } }) => [
      { ...editAgent('placement.maxPricePerMillionTokens', 'set', [node.pricePerMillionTokens]), node: node.id },
    ],
  },
};

/** A rule of the spec as well: what its grants and its triggers name must be there. */
export const board: Rule<SupplyNode> & Shortage = {
  name: 'board',
  text: 'the pins, the sensors and the camera that the tools and triggers of the spec name are on the node',
  allows: (spec, node) => lacksOfBoard(spec, node.board).length === 0,
  words: ({ spec, room: { node } }) => `needs ${listInWords(lacksOfBoard(spec, node.board))}, which it does not have`,
  only: (subject, spec) => `no ${subject} has ${boardNeedsInWords(spec)}`,
  lacking: 'without a pin, sensor or camera that it needs',
  fix: {
    // The owner of the machine connects and lists it.
    cost: () => 10,
    ways: ({ spec, room: { node } }) => [
      { verb: 'list-pins', node: node.id, needs: [...lacksOfBoard(spec, node.board)] },
    ],
  },
};

/** The nodes that the spec's rules allow, such as `node of class pi at site attic with room=kitchen`. */
export function nodeWith({ placement }: AgentSpec, plural = ''): string {
  return [`node${plural}`, ...rules.flatMap(({ asked }) => asked(placement) ?? [])].join(' ');
}
