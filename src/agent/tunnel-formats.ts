import { quoteForShell } from '../lib/shell-quote.js';

/** Where a client program connects to reach a target. */
export interface TunnelAddress {
  readonly target: string;
  readonly host: string;
  readonly port: number;
  readonly password: string;
}

/** The user name is for the client's sake; who connects is known from the tunnel's login. */
const user = 'sluice';

/** A connection URI as libpq, node-postgres and most drivers take it. No TLS: it never leaves this machine. */
export function tunnelUri({ target, host, port, password }: TunnelAddress): string {
  return `postgresql://${user}:${encodeURIComponent(password)}@${host}:${port}/${encodeURIComponent(target)}?sslmode=disable`;
}

/** libpq's environment variables. */
export function tunnelEnv({ target, host, port, password }: TunnelAddress): Readonly<Record<string, string>> {
  return {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: target,
    PGSSLMODE: 'disable',
  };
}

/** `export` lines for a POSIX shell. */
export function tunnelEnvLines(address: TunnelAddress): string {
  return Object.entries(tunnelEnv(address))
    .map(([name, value]) => `export ${name}=${quoteForShell(value)}\n`)
    .join('');
}

/** A command that opens the target in psql. */
export function tunnelCommand(address: TunnelAddress): string {
  return `psql ${quoteForShell(tunnelUri(address))}`;
}

/** Parts for programs that build their own connection. */
export function tunnelJson(address: TunnelAddress): Readonly<Record<string, string | number>> {
  const { target, host, port, password } = address;
  return { target, protocol: 'postgres', host, port, user, password, database: target, uri: tunnelUri(address) };
}
