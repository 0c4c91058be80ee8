import {
  loginAs,
  loginAsMachine,
  loginWithDevice,
  loginWithToken,
  type DevicePrompt,
  type LoginResult,
} from '../client/login.js';
import { Profiles } from '../client/profiles.js';
import { Transport } from '../client/transport.js';
import type { Environment } from './environment.js';
import { readText } from './input.js';
import type { Output } from './output.js';
import { plain } from './plain.js';
import { usage } from './usage.js';

export interface LoginOrder {
  readonly gateway: string | null;
  readonly profile: string | null;
  readonly as: string | undefined;
  readonly 'token-stdin': boolean;
  readonly 'client-id': string | undefined;
  readonly 'client-secret-file': string | undefined;
}
export interface LoginContext {
  readonly environment: Environment;
  readonly out: Output;
  readonly signal: AbortSignal;
}

/** Logs in the way that was asked for; a code in a browser unless something else was. */
export async function logIn(order: LoginOrder, { environment, out, signal }: LoginContext): Promise<LoginResult> {
  const profiles = new Profiles(environment.configDir);
  const profile = order.profile ?? profiles.defaultName;
  const gateway = order.gateway ?? profiles.get(profile)?.gateway;
  if (gateway === undefined) throw usage('Missing GATEWAY: the address of the gateway to log in to.');
  const options = { environment, transport: new Transport(environment.caFile), gateway, profile, signal };
  if (order.as !== undefined) return loginAs({ ...options, user: order.as });
  if (order['token-stdin']) return loginWithToken({ ...options, token: await readText('-') });
  const clientId = order['client-id'];
  if (clientId !== undefined) {
    const file = order['client-secret-file'];
    if (file === undefined) throw usage('--client-id needs --client-secret-file FILE.');
    return loginAsMachine({ ...options, clientId, clientSecret: (await readText(file)).trim() });
  }
  return loginWithDevice({ ...options, onPrompt: (prompt) => out.alert(promptText(prompt, out)) });
}

/** The person must see this, whatever is asked for: it goes to stderr even with --quiet and --json. */
function promptText(prompt: DevicePrompt, out: Output): string {
  const { userCode, verificationUri, verificationUriComplete, expiresAt } = prompt;
  const lines = [
    `Open ${out.paintError('underline', plain(verificationUri))}`,
    `and confirm the code ${out.paintError('bold', plain(userCode))}   (until ${expiresAt})`,
  ];
  if (verificationUriComplete !== null) lines.push(`or open ${plain(verificationUriComplete)}`);
  return lines.join('\n');
}
