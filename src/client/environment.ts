import type { ProxySettings } from './proxy-settings.js';

/** What the client needs from its surroundings; the command line reads it once from the process. */
export interface ClientEnvironment {
  readonly token: string | null;
  readonly tokenFile: string | null;
  /** A workload's identity token, exchanged for the gateway's own. */
  readonly identityTokenFile: string | null;
  readonly credentialStore: 'auto' | 'keyring' | 'file';
  readonly configDir: string;
  readonly stateDir: string;
  /** Where the local agent's socket lives. */
  readonly runtimeDir: string;
  /** A PEM file with certificate authorities to trust besides the well-known ones. */
  readonly caFile: string | null;
  readonly proxy: ProxySettings | null;
}
