// Benches use the processes of the end-to-end tests outside of a test: what they start ends with `end()`.
export function lifetime() {
  const ends: (() => unknown)[] = [];
  return {
    teardown(run: () => unknown) {
      ends.push(run);
    },
    async end() {
      for (const run of ends.toReversed()) await run();
    },
  };
}
