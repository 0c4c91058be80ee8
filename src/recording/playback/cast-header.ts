import type { OpenEvent } from '../events.js';

export type CastVersion = 2 | 3;

/** The first line of an asciicast. */
export function castHeader(
  open: OpenEvent | null,
  at: number,
  { version, columns, rows }: { readonly version: CastVersion; readonly columns: number; readonly rows: number },
): object {
  const timestamp = Math.floor(at / 1000);
  const title = open === null ? 'Sluice session' : `${open.identity.name} on ${open.target.name} (${open.session})`;
  return version === 3
    ? { version, term: { cols: columns, rows, type: 'xterm-256color' }, timestamp, title }
    : { version, width: columns, height: rows, timestamp, title, env: { TERM: 'xterm-256color' } };
}
