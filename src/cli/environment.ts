import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { readProxySettings, type ProxySettings } from '../client/proxy-settings.js';

/** Everything the client half takes from its environment, read once. */
export interface Environment {
  readonly gateway: string | null;
  readonly profile: string | null;
  readonly token: string | null;
  readonly tokenFile: string | null;
  readonly identityTokenFile: string | null;
  readonly credentialStore: 'auto' | 'keyring' | 'file';
  readonly noDaemon: boolean;
  /** How long a silent pipe on standard input is waited for. */
  readonly stdinTimeout: string;
  readonly configDir: string;
  readonly stateDir: string;
  /** Where the local agent's socket lives. */
  readonly runtimeDir: string;
  readonly caFile: string | null;
  readonly proxy: ProxySettings | null;
  readonly debug: boolean;
  readonly noColor: boolean;
  readonly forceColor: boolean;
  /** CI, SLUICE_NON_INTERACTIVE, a dumb terminal or a known agent: nobody is there to answer a question. */
  readonly unattended: boolean;
  /** A browser could be shown here: not over SSH, and on Linux only with a display. */
  readonly display: boolean;
  /** As given, for child processes that get a few variables more. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** Variables that AI agents set in the shells they run; a prompt there would hang. */
const agentVariables = [
  'AI_AGENT',
  'CLAUDECODE',
  'CLAUDE_CODE',
  'CODEX_SANDBOX',
  'CODEX_THREAD_ID',
  'CURSOR_AGENT',
  'GEMINI_CLI',
  'OPENCODE',
  'AUGMENT_AGENT',
  'COPILOT_AGENT_SESSION_ID',
];

const isOn = (value: string | undefined): boolean =>
  value !== undefined && !['', '0', 'false', 'no', 'off'].includes(value.toLowerCase());

/** Builds the environment from a process's variables. Empty variables count as unset. */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const text = (name: string): string | null => variables[name] || null;
  const home = text('HOME') ?? homedir();
  const stateDir = resolve(
    text('SLUICE_STATE_DIR') ?? join(text('XDG_STATE_HOME') ?? join(home, '.local/state'), 'sluice'),
  );
  const runtime = text('XDG_RUNTIME_DIR');
  const store = text('SLUICE_CREDENTIAL_STORE');
  return {
    gateway: text('SLUICE_GATEWAY'),
    profile: text('SLUICE_PROFILE'),
    token: text('SLUICE_TOKEN'),
    tokenFile: text('SLUICE_TOKEN_FILE'),
    identityTokenFile: text('SLUICE_IDENTITY_TOKEN_FILE'),
    credentialStore: store === 'keyring' || store === 'file' ? store : 'auto',
    stdinTimeout: text('SLUICE_STDIN_TIMEOUT') ?? '30s',
    noDaemon: isOn(variables['SLUICE_NO_DAEMON']),
    configDir: resolve(text('SLUICE_CONFIG_DIR') ?? join(text('XDG_CONFIG_HOME') ?? join(home, '.config'), 'sluice')),
    stateDir,
    // A private state directory isolates everything, so its agent must not share the user's socket.
    runtimeDir: text('SLUICE_STATE_DIR') === null && runtime !== null ? join(runtime, 'sluice') : join(stateDir, 'run'),
    caFile: text('SLUICE_CA_FILE'),
    proxy: readProxySettings(variables),
    debug: isOn(variables['SLUICE_DEBUG']),
    noColor: text('NO_COLOR') !== null || variables['TERM'] === 'dumb',
    forceColor: isOn(variables['FORCE_COLOR']),
    unattended:
      isOn(variables['CI']) ||
      isOn(variables['SLUICE_NON_INTERACTIVE']) ||
      variables['TERM'] === 'dumb' ||
      agentVariables.some((name) => text(name) !== null),
    display:
      text('SSH_CONNECTION') === null &&
      (process.platform !== 'linux' || text('DISPLAY') !== null || text('WAYLAND_DISPLAY') !== null),
    variables,
  };
}

/** This process's environment: the one place in the client half that reads it. */
export function currentEnvironment(): Environment {
  return readEnvironment(process.env);
}
