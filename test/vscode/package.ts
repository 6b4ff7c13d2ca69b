// What `make vscode` made, opened: the package has what the editor needs, and nothing else. Argument: the file. Prints a line, and ends with 1
// where something is missing.
import { strict as assert } from 'node:assert';
import { readFileSync, statSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';

const path = process.argv[2] as string;
const files = members(readFileSync(path));
const own = JSON.parse(readFileSync(new URL('../../vscode/package.json', import.meta.url), 'utf8'));
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

// The packager writes the names of its pages in letters of its own.
const inExtension = [...files.keys()].map((name) => name.toLowerCase()).filter((name) => name.startsWith('extension/'));
assert.deepEqual(
  inExtension.toSorted(),
  ['bridge.cjs', 'extension.cjs', 'license.txt', 'media/fleet.svg', 'package.json', 'readme.md'].map(
    (name) => `extension/${name}`,
  ),
);
const packed = JSON.parse(String(files.get('extension/package.json')));
for (const field of ['name', 'publisher', 'main', 'engines', 'contributes'])
  assert.deepEqual(packed[field], own[field], field);
assert.equal(packed.version, version, 'the version of the project');
const manifest = String(files.get('extension.vsixmanifest'));
for (const words of [
  `Id="${own.name}"`,
  `Publisher="${own.publisher}"`,
  `Version="${version}"`,
  'Microsoft.VisualStudio.Code',
])
  assert.ok(manifest.includes(words), `${words} in ${manifest}`);
assert.ok(files.has('[Content_Types].xml'));
console.log(`${path}: ${Math.round(statSync(path).size / 1024)} KB, ${inExtension.length} files, version ${version}`);

/** The members of a zip by their names, by its central directory. */
function members(zip: Buffer): Map<string, Buffer> {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  assert.ok(end >= 0, 'a zip');
  const found = new Map<string, Buffer>();
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    assert.equal(zip.readUInt32LE(at), 0x02014b50, 'an entry');
    const [method, bytes, local] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 42)];
    const [nameBytes, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const content = zip.subarray(from, from + bytes);
    found.set(zip.toString('utf8', at + 46, at + 46 + nameBytes), method === 0 ? content : inflateRawSync(content));
    at += 46 + nameBytes + extra + comment;
  }
  return found;
}
