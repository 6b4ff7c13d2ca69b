// What a release consists of, before it is an archive: files, folders and links by their paths. Folders follow from the files in them.
export interface FileNode {
  content: Buffer;
  isProgram?: boolean;
}
/** A folder that needs to be there while it is empty, or that has an owner; `folder` is its mode. */
export type TreeNode = FileNode | { link: string } | { folder: number; owner: number };
/** Paths without a slash at either end. */
export type Tree = ReadonlyMap<string, TreeNode>;

/** The same tree below a folder. */
export function below(folder: string, tree: Tree): Map<string, TreeNode> {
  return new Map([...tree].map(([path, node]) => [`${folder}/${path}`, node]));
}
/** Paths in the order of their bytes, which no locale changes; each folder stands before what is in it. */
export function sortedPaths(tree: Tree): { path: string; node: TreeNode | null }[] {
  const folders = new Set<string>();
  for (const path of tree.keys())
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) folders.add(path.slice(0, at));
  const all = [...tree].map(([path, node]) => ({ path, node: node as TreeNode | null }));
  for (const path of folders) all.push({ path, node: null });
  return all.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}
export function text(content: string, isProgram = false): FileNode {
  return { content: Buffer.from(content), isProgram };
}
