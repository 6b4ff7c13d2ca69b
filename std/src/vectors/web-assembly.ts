// WebAssembly as the index of vectors uses it. The types of Node name the global alone, and those of browsers would bring a whole page with them.

/** Shared by threads, and grows in pages of 64 KiB; views of its buffer end where it ended when they were made. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
  /** @throws RangeError when there is no more memory */
  grow(pages: number): number;
}
interface Assembly {
  Memory: new (size: { initial: number; maximum: number; shared: true }) => SharedMemory;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: { scan: { memory: SharedMemory } }) => { exports: Record<string, unknown> };
  validate(bytes: Uint8Array): boolean;
}
export const { Memory, Module, Instance, validate } = (globalThis as unknown as { WebAssembly: Assembly }).WebAssembly;
