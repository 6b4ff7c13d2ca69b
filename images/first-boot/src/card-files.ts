// Which file of the boot partition is the personal one. People end up with names that they did not choose: Windows hides `.txt`, browsers
// number downloads. In: names and bytes. Out: the one file that says something, read; or why there is none. Pure.
import { type ReadPersonalFile, readPersonalFile } from '@blackroad/protocol/personal-file';

export interface CardFile {
  name: string;
  bytes: Uint8Array;
}
/** Under this key of cloud-init's file the same settings may stand. */
const cloudInitKey = 'blackroad';

const own = /^blackroad( ?\(\d+\)| ?- ?copy)?\.ya?ml(\.txt|\.yaml|\.yml)?$|^blackroad\.txt$/i;
/** Whether a file is worth reading: its name can be one of the personal file, or it is cloud-init's. */
export const mayBePersonal = (name: string) => own.test(name) || isCloudInits(name);
const isCloudInits = (name: string) => name.toLowerCase() === 'user-data';

/** The key under which the settings of a file stand. */
export const keyWithin = (name: string) => (isCloudInits(name) ? { under: cloudInitKey } : {});

type Found = { file: CardFile; read: ReadPersonalFile } | { none: string; names: string[] };

export function personalAmong(files: readonly CardFile[]): Found {
  const read = files
    .filter(({ name }) => mayBePersonal(name))
    .map((file) => ({ file, read: readPersonalFile(file.bytes, keyWithin(file.name)) }));
  // The template of the image says nothing, and stays beside a file of another name.
  const speaking = read.filter(({ read }) => read.faults !== undefined || Object.keys(read.file).length > 0);
  const [first, second] = speaking;
  const names = speaking.map(({ file }) => file.name);
  if (first && !second) return first;
  if (second) return { none: `${names.join(' and ')} each say whose this Pi is. Leave one of them here.`, names };
  const [template] = read;
  return template ?? { none: 'There is no blackroad.yaml here.', names: [] };
}
