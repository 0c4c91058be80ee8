/** Waits for work at most `limitMs`, then goes on with `otherwise`. The work itself is not stopped, nor its failure lost. */
export async function within<T, L>(work: Promise<T>, limitMs: number, otherwise: L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<L>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A signal that aborts with the first of several, or after a time; `release` forgets them all. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  readonly release: () => void;
}

/** Like `AbortSignal.any` with a timeout, but leaves nothing behind on a signal that outlives it. */
export function linkSignals(signals: readonly AbortSignal[], timeoutMs: number): LinkedSignal {
  const abort = new AbortController();
  const onAbort = (): void => abort.abort();
  const timer = setTimeout(onAbort, timeoutMs);
  for (const signal of signals) {
    if (signal.aborted) abort.abort();
    signal.addEventListener('abort', onAbort, { once: true });
  }
  return {
    signal: abort.signal,
    release() {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', onAbort);
    },
  };
}
