import { loginAs } from '../client/login-demo.js';
import { completeDeviceLogin, startDeviceLogin, type DevicePrompt } from '../client/login-device.js';
import { loginAsMachine, loginAsWorkload } from '../client/login-machine.js';
import { loginAsPerson } from '../client/login-person.js';
import { loginWithToken, type LoginOptions, type LoginResult } from '../client/login.js';
import type { LoginInfo } from '../client/api-types.js';
import { Profiles } from '../client/profiles.js';
import { Transport } from '../client/transport.js';
import { SluiceError } from '../lib/errors.js';
import { openBrowser } from './browser.js';
import { parseDuration } from './durations.js';
import type { Environment } from './environment.js';
import { readText, type StdinWait } from './input.js';
import { pendingDocument, promptText } from './login-text.js';
import type { Output } from './output.js';
import { plain } from './plain.js';
import { usage } from './usage.js';

export interface LoginOrder {
  readonly gateway: string | null;
  readonly profile: string | null;
  readonly device: boolean;
  readonly browser: boolean;
  readonly qr: boolean;
  readonly 'non-interactive': boolean;
  readonly complete: string | undefined;
  readonly timeout: string;
  readonly as: string | undefined;
  readonly 'token-stdin': boolean;
  readonly 'identity-token-file': string | undefined;
  readonly 'client-id': string | undefined;
  readonly 'client-secret-file': string | undefined;
  readonly 'client-key-file': string | undefined;
}
export interface LoginContext {
  readonly environment: Environment;
  readonly out: Output;
  readonly signal: AbortSignal;
  /** Someone looks at this terminal. */
  readonly attended: boolean;
  readonly stdin: StdinWait;
}

/** Logs in the way that was asked for, else the way that fits; null when the first of two steps is done. */
export async function logInAs(order: LoginOrder, context: LoginContext): Promise<LoginResult | null> {
  const { environment, out, signal } = context;
  const transport = new Transport(environment);
  if (order.complete !== undefined) {
    const limitMs = parseDuration(order.timeout, '--timeout');
    return completeDeviceLogin({ environment, transport, signal, handle: order.complete, limitMs });
  }
  const profiles = new Profiles(environment.configDir);
  const profile = order.profile ?? profiles.defaultName;
  const gateway = order.gateway ?? profiles.get(profile)?.gateway;
  if (gateway === undefined) throw usage('Missing GATEWAY: the address of the gateway to log in to.');
  const options = { environment, transport, gateway, profile, signal };
  if (order.as !== undefined) return loginAs({ ...options, user: order.as });
  if (order['token-stdin']) return loginWithToken({ ...options, token: await readText('-', context.stdin) });
  const machine = await machineLogin(order, options, context);
  if (machine !== null) return machine;
  if (order['non-interactive']) {
    const { pending, prompt, note } = await startDeviceLogin(options);
    if (note !== null) out.note(note);
    if (order.qr) out.alert(await qrOf(prompt));
    out.document(pendingDocument(pending, prompt));
    return null;
  }
  if (environment.unattended && !order.device && !order.browser) throw await twoSteps(options);
  return loginAsPerson({
    ...options,
    way: (info) => fitting(order, info, context),
    onUrl: (url) => void showUrl(url, context),
    async onPrompt(prompt) {
      out.alert(promptText(prompt, out));
      if (order.qr) out.alert(await qrOf(prompt));
    },
  });
}

/** Machines: a key or a secret of their own, or the identity that their platform gave them. */
async function machineLogin(
  order: LoginOrder,
  options: LoginOptions,
  { environment, stdin }: LoginContext,
): Promise<LoginResult | null> {
  const clientId = order['client-id'];
  const identityTokenFile =
    order['identity-token-file'] ?? (clientId === undefined ? environment.identityTokenFile : null);
  if (identityTokenFile !== null) return loginAsWorkload({ ...options, identityTokenFile });
  if (clientId === undefined) return null;
  const [secretFile, clientKeyFile] = [order['client-secret-file'], order['client-key-file']];
  if (clientKeyFile !== undefined) return loginAsMachine({ ...options, clientId, clientKeyFile });
  if (secretFile === undefined) throw usage('--client-id needs --client-key-file FILE or --client-secret-file FILE.');
  return loginAsMachine({
    ...options,
    clientId,
    clientSecret: (await readText(secretFile, stdin)).trim(),
  });
}

/** A browser where one can be seen and somebody sits before it, else a code for any browser. Flags have the last word. */
function fitting(order: LoginOrder, info: LoginInfo, { environment, attended }: LoginContext): 'browser' | 'device' {
  if (order.browser) return 'browser';
  if (order.device || order.qr) return 'device';
  if (!info.device) return 'browser';
  return info.browser && environment.display && attended ? 'browser' : 'device';
}

async function showUrl(url: string, { environment, out, attended }: LoginContext): Promise<void> {
  const opened = environment.display && attended && (await openBrowser(url, environment.variables));
  out.alert(opened ? 'A browser opens. If it does not, open this address:' : 'Open this address in a browser here:');
  out.alert(plain(url));
}

async function qrOf({ verificationUri, verificationUriComplete }: DevicePrompt): Promise<string> {
  const { qrLines } = await import('./qr.js');
  return qrLines(verificationUriComplete ?? verificationUri);
}

/** Nobody sits here who could be waited for: the code goes to whoever reads the error, and the login is fetched later. */
async function twoSteps(options: LoginOptions): Promise<SluiceError> {
  const { pending, prompt } = await startDeviceLogin(options);
  const address = prompt.verificationUriComplete ?? prompt.verificationUri;
  return new SluiceError(
    'login_required',
    `A person must open ${address} and confirm the code ${prompt.userCode} until ${prompt.expiresAt}`,
    {
      decider: 'identity-provider',
      retryable: true,
      expiresAt: prompt.expiresAt,
      next: [
        { command: `sluice login --complete ${pending.handle}`, when: 'after that' },
        { command: `sluice login ${options.gateway} --device`, when: 'to wait for the person instead' },
      ],
    },
  );
}
