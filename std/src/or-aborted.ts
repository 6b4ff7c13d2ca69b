// A wait that ends with the turn of an agent; what is waited for goes on for the others. In: a promise, a signal. Out: the same, or an error.
export function orAborted<T>(wait: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = Promise.withResolvers<never>();
  const onAbort = () => over.reject(new Error('the turn ended'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  over.promise.catch(() => {});
  return Promise.race([wait, over.promise]).finally(() => signal.removeEventListener('abort', onAbort));
}
