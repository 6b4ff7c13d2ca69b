// A fault of a request as a sentence for people: made only here, sent by the API, shown by the console. Pure.

/** The rule of a schema that a value broke. */
export type FaultRule =
  | { rule: 'required' }
  | { rule: 'no-such-field'; near: string | undefined }
  | { rule: 'type'; type: string }
  | { rule: 'bound'; comparison: '>=' | '<=' | '>' | '<'; limit: number }
  | { rule: 'length'; bound: 'least' | 'most'; limit: number; of: 'characters' | 'items' }
  /** `near`: of many values, those that were perhaps meant. */
  | { rule: 'one-of'; values: readonly unknown[]; near?: readonly string[] }
  /** None of the kinds above: the words are a clause that follows "must be". */
  | { rule: 'other'; words: string };

export interface Fault {
  /** Dotted path, `(root)` for the value itself. */
  field: string;
  expected: string;
  got: string;
  /** Missing: `expected` is the clause that follows "must be". */
  rule?: FaultRule;
}

const comparisons = {
  '>=': 'at least',
  '<=': 'at most',
  '>': 'more than',
  '<': 'less than',
} as const;
const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of fields',
};

/** A longer list says nothing to a person; the documentation has it. */
export const mostListed = 16;

/** For programmers, behind "expected". */
export function expectedOf(rule: FaultRule): string {
  switch (rule.rule) {
    case 'required':
      return 'a value (it is required)';
    case 'no-such-field':
      return `no field of that name${rule.near === undefined ? '' : ` (did you mean ${rule.near}?)`}`;
    case 'type':
      return rule.type;
    case 'bound':
      return `${rule.comparison} ${rule.limit}`;
    case 'length':
      return `${rule.bound === 'least' ? 'not have fewer than' : 'not have more than'} ${rule.limit} ${rule.of}`;
    case 'one-of':
      if (rule.values.length > mostListed)
        return `one of ${rule.values.length} values${meant(rule.near, (near) => ` (did ${near})`)}`;
      return rule.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'other':
      return rule.words;
  }
}

/** A fault as a sentence for people: `uses must be at least 1, not 0.` A long value is cut: it may be a page. */
export function faultInWords({ field, expected, got, rule = { rule: 'other', words: expected } }: Fault): string {
  const name = field === '(root)' ? 'This' : field;
  const not = got === 'nothing' || got === 'null' ? 'but nothing came' : `not ${got}`;
  switch (rule.rule) {
    case 'required':
      return `${name} is missing.`;
    case 'no-such-field':
      return `There is no field ${name}.${rule.near === undefined ? '' : ` Did you mean ${rule.near}?`}`;
    case 'type':
      return `${name} must be ${kinds[rule.type] ?? rule.type}, ${not}.`;
    case 'bound':
      return `${name} must be ${comparisons[rule.comparison]} ${rule.limit}, ${not}.`;
    case 'length': {
      if (rule.bound === 'least' && rule.limit === 1) return `${name} must not be empty.`;
      const counted = `${rule.limit} ${rule.of === 'items' ? 'entries' : 'characters'}`;
      return `${name} must have at ${rule.bound} ${counted}.`;
    }
    case 'one-of':
      if (rule.values.length > mostListed)
        return `${name} must be one of ${rule.values.length} values, ${not}.${meant(rule.near, (near) => ` Did ${near}`)}`;
      return `${name} must be ${rule.values.map(String).join(' or ')}, ${not}.`;
    case 'other':
      return `${name} must be ${rule.words}, ${not}.`;
  }
}

function meant(near: readonly string[] | undefined, asked: (near: string) => string): string {
  return near?.length ? asked(`you mean ${near.join(' or ')}?`) : '';
}
