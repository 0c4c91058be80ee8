import type { ErrorCode, NextStep } from '../lib/errors.js';
import { quoteForShell } from '../lib/shell-quote.js';

/** What a quickstart says while it runs; with --json each is one line of NDJSON. */
export type QuickstartEvent =
  | { readonly event: 'starting'; readonly state_dir: string }
  | { readonly event: 'postgres'; readonly version: string; readonly port: number; readonly log: string }
  | { readonly event: 'seeding' }
  | { readonly event: 'gateway'; readonly url: string; readonly policy_version: string }
  /** What `by` applied last stays in force; the folder holds something else. */
  | { readonly event: 'bundle_kept'; readonly folder: string; readonly by: string }
  | {
      readonly event: 'ready';
      readonly gateway: string;
      readonly targets: readonly string[];
      readonly users: readonly string[];
      readonly state_dir: string;
    }
  | { readonly event: 'postgres_ended'; readonly log: string }
  | { readonly event: 'stopping' }
  | { readonly event: 'stopped' }
  | {
      readonly event: 'error';
      readonly code: ErrorCode;
      readonly message: string;
      readonly next: readonly NextStep[];
    };

/** Where words go. */
export interface QuickstartOutput {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

export type Announce = (event: QuickstartEvent) => void;

/** NDJSON on stdout, or progress on stderr and what to try next on stdout. */
export function announcer(
  output: QuickstartOutput,
  options: { readonly json: boolean; readonly cli: string },
): Announce {
  if (options.json)
    return (event) => {
      const head = { schema: 'sluice.quickstart/v1', ok: event.event !== 'error' };
      output.stdout(`${JSON.stringify({ ...head, ...event })}\n`);
    };
  return (event) => {
    switch (event.event) {
      case 'starting':
        return output.stderr(`Starting; everything is kept in ${event.state_dir}\n`);
      case 'postgres':
        return output.stderr(`✓ PostgreSQL ${event.version} on 127.0.0.1:${event.port}\n`);
      case 'seeding':
        return output.stderr('  Filling the demo shop (once)…\n');
      case 'gateway':
        return output.stderr(`✓ Gateway with policies ${event.policy_version}\n`);
      case 'bundle_kept':
        return output.stderr(
          `! What was applied last stays in force; ${event.folder} holds something else. To put that in force, as\n` +
            `  the reviewer: sluice apply -f ${quoteForShell(event.folder)} --profile reviewer\n`,
        );
      case 'ready':
        return output.stdout(whatToTry(event, options.cli));
      case 'postgres_ended':
        return output.stderr(
          `PostgreSQL has ended: demo-db is offline. Its log: ${event.log}\nPress Ctrl-C, start again.\n`,
        );
      case 'stopping':
        return output.stderr('\nStopping: sessions are closed and signed…\n');
      case 'stopped':
        return output.stderr('✓ Stopped. The same command starts it again; --reset forgets everything.\n');
      case 'error':
        return; // thrown as well, and shown by the command line
    }
  };
}

function whatToTry(ready: Extract<QuickstartEvent, { event: 'ready' }>, cli: string): string {
  const alias = cli === 'sluice' ? '' : `  alias sluice='${cli}'\n`;
  return `
Sluice is running at ${ready.gateway}, with target ${ready.targets.join(', ')}. Ctrl-C stops it.

In a second terminal, as an engineer:
${alias}  sluice login ${ready.gateway} --as engineer
  sluice targets
  sluice exec demo-db "select id, name, email, notes from customers order by id limit 3"    # masked
  sluice exec demo-db "drop table orders"                                                   # denied, exit 5
  sluice exec demo-db "delete from orders where id = 7" --reason "duplicate" --wait         # held for approval
  sluice connect demo-db -- psql                                                            # your own client

In a third, as the reviewer who approves it:
${alias}  sluice login ${ready.gateway} --as reviewer --profile reviewer
  sluice requests list --profile reviewer
  sluice requests approve REQUEST --comment "seen" --profile reviewer

Then look at what was recorded:
  sluice sessions list
  sluice sessions search customers
  sluice play SESSION
  sluice sessions verify --profile reviewer

Policies, classification and targets are files in ${ready.state_dir}/bundle; change them and, as the reviewer:
  sluice apply -f ${ready.state_dir}/bundle --profile reviewer
`;
}
