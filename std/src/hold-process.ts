// Keeps the process alive while nothing else does. Timers of a Clock never do, so a node whose broker is away would end without a
// word between two tries. Returns how to let go.
export function holdProcess(): () => void {
  const { port1 } = new MessageChannel();
  port1.ref();
  return () => port1.close();
}
