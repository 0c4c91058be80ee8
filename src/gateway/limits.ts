/** Bounds on what anyone may hold of the gateway before and while being served. */
export interface GatewayLimits {
  /** Open connections on the HTTP port, tunnels included. */
  readonly connections: number;
  /** Slow handshakes and slow requests are cut (slowloris). */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly headerBytes: number;
  readonly bodyBytes: number;
  /** An upgrade must be authenticated and judged within this time. */
  readonly upgradeTimeoutMs: number;
  /** Native connections must have authenticated within this time. */
  readonly handshakeTimeoutMs: number;
  /** Statements that run through POST /v1/exec at the same time, over all callers and for one. */
  readonly execs: number;
  readonly execsPerPrincipal: number;
  /** How often connections are looked for whose login is over. */
  readonly loginSweepMs: number;
}

export const defaultLimits: GatewayLimits = {
  connections: 10_000,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 30_000,
  headerBytes: 32 * 1024,
  bodyBytes: 2 * 1024 * 1024,
  upgradeTimeoutMs: 15_000,
  handshakeTimeoutMs: 15_000,
  execs: 500,
  execsPerPrincipal: 100,
  loginSweepMs: 15_000,
};
