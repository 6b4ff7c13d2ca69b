// Keeps the process alive when nothing else does. Timers of a Clock do not, so a node-agent whose broker is away would exit silently
// between two tries. Returns a function that ends the hold.
export function holdProcess(): () => void {
  const { port1 } = new MessageChannel();
  port1.ref();
  return () => port1.close();
}
