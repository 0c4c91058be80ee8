import { readFile } from 'node:fs/promises';
import type { RelayList } from '../client/api-relay-types.js';
import { messageOf, SluiceError } from '../lib/errors.js';
import { allowlistLines, type Allowlist, readAllowlist } from '../relay/allowlist.js';
import { type RelayEvent, runRelay } from '../relay/run.js';
import { type Asked, openConnection } from './connection.js';
import { parseDuration } from './durations.js';
import type { Environment } from './environment.js';
import type { Output } from './output.js';
import { plain } from './plain.js';
import type { Cell } from './table.js';
import { usage } from './usage.js';

/** What was asked for on the command line. */
export interface RelayOrder {
  readonly name: string;
  readonly allow: readonly string[];
  readonly allowFile: string | null;
  /** How long what runs may go on when it is stopped. */
  readonly drain: string | undefined;
  readonly version: string;
}

/** `sluice relay`: serves until it is stopped, which is its ordinary end. */
export async function serveRelay(
  { name, allow, allowFile, drain, version }: RelayOrder,
  asked: Asked,
  {
    environment,
    out,
    signal,
  }: { readonly environment: Environment; readonly out: Output; readonly signal: AbortSignal },
): Promise<void> {
  const allowlist = await allowlistOf(allow, allowFile);
  const drainMs = drain === undefined ? 0 : parseDuration(drain, '--drain');
  const { client, profile, tokens } = await openConnection(environment, asked);
  out.note(`Relay ${plain(name)} for ${profile.gateway}; it may reach ${allowlist.lines.map(plain).join(', ')}.`);
  await runRelay({
    allowlist,
    tokens,
    dial: (token, within) => client.openRelay(name, { token, version }, within),
    announce: (event) => tell(event, name, out),
    drainMs,
    signal,
  });
}

async function allowlistOf(flags: readonly string[], file: string | null): Promise<Allowlist> {
  let fromFile: readonly string[] = [];
  if (file !== null) {
    try {
      fromFile = allowlistLines(await readFile(file, 'utf8'));
    } catch (cause) {
      throw new SluiceError('usage', `Cannot read ${file}: ${messageOf(cause)}`, { decider: 'local', cause });
    }
  }
  const lines = [...flags, ...fromFile];
  if (lines.length === 0)
    throw usage(
      'A relay reaches nothing that is not allowed: give --allow HOST:PORT, --allow /PATH/OF/A/PROGRAM or --allow-file FILE.',
    );
  return readAllowlist(lines);
}

function isProgram({ destination }: { readonly destination: string }): boolean {
  return destination.startsWith('/');
}

function tell(event: RelayEvent, relay: string, out: Output): void {
  if (out.json) return out.document({ schema: 'sluice.relay/v1', ok: true, relay, ...event });
  switch (event.event) {
    case 'connected':
      return out.note('Connected: the gateway can reach its targets.');
    case 'lost':
      return out.alert(
        `No connection: ${plain(event.reason)}. Trying again in ${(event.retry_ms / 1000).toFixed(1)} s.`,
      );
    case 'opened':
      return out.note(`${isProgram(event) ? 'Running' : 'Connected to'} ${plain(event.destination)}`);
    case 'closed':
      return out.note(`${isProgram(event) ? 'Ended' : 'Closed'} ${plain(event.destination)}`);
    case 'refused':
      return out.alert(`Refused ${plain(event.destination)}: ${plain(event.reason)}`);
    case 'stopped':
      return out.note('Stopped.');
  }
}

/** A line for every connection, and one for a relay that has none. */
export function relayRows({ relays }: RelayList): readonly (readonly Cell[])[] {
  return relays.flatMap(({ name, connections, targets }) => {
    const behind = targets.join(' ');
    if (connections.length === 0) return [[name, 'away', '', '', '', 0, behind]];
    return connections.map(({ machine, address, since, streams }, index) => {
      const state = index === connections.length - 1 ? 'serving' : 'standby';
      return [name, state, machine, address, since, streams, behind];
    });
  });
}
