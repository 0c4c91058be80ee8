/** Runs `wake` after `ms` without keeping the process alive; returns how to call it off. */
export function unrefTimer(wake: () => void, ms: number): () => void {
  const timer = setTimeout(wake, ms).unref();
  return () => clearTimeout(timer);
}
