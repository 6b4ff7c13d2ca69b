// What the image consists of, as images/image.yaml says it. In: that file. Out: values of the kinds below, or what is wrong with it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { faults } from '@blackroad/protocol';
import { parse } from 'yaml';
import { type Static, Type } from '../../protocol/src/typebox.ts';
import { BuildError } from '../../release/src/source.ts';

const strict = { additionalProperties: false };
const Names = Type.Array(Type.String({ pattern: '^[a-z0-9][a-z0-9_.+-]*$' }));

const Board = Type.Object(
  {
    name: Type.String(),
    /** The tag of Raspberry Pi Imager's list of devices. */
    imager: Type.String(),
    /** The device tree that the firmware of the board looks for. */
    tree: Type.String({ pattern: '^bcm.*\\.dtb$' }),
    /** The end of the name of its kernel. */
    kernel: Type.String(),
    isExperimental: Type.Optional(Type.Boolean()),
  },
  strict,
);
const Description = Type.Object(
  {
    name: Type.String(),
    suite: Type.String(),
    components: Names,
    boards: Type.Array(Board),
    packages: Type.Record(Type.String(), Names),
    backports: Names,
    tools: Names,
    enabled: Names,
    disabled: Names,
    bootMB: Type.Integer({ minimum: 128, maximum: 2048 }),
    freeMB: Type.Integer({ minimum: 16, maximum: 4096 }),
  },
  strict,
);
export type Description = Static<typeof Description>;

/** @throws BuildError */
export function readDescription(root: string): Description {
  const file = join(root, 'images/image.yaml');
  const value: unknown = parse(readFileSync(file, 'utf8'));
  const [fault] = faults(Description, value);
  if (fault) throw new BuildError(`images/image.yaml: ${fault.field}: expected ${fault.expected}, got ${fault.got}`);
  return value as Description;
}

/** All packages that are named, in one order. */
export function namedPackages({ packages, backports }: Description): string[] {
  return [...Object.values(packages).flat(), ...backports].sort();
}
