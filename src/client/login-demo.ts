import { SluiceError } from '../lib/errors.js';
import type { LoginInfo } from './api-types.js';
import { confirmDeviceCode } from './demo-confirm.js';
import { parseObject } from './error-document.js';
import { isLoopbackUrl } from './gateway-url.js';
import { logIn, type LoginOptions, type LoginResult } from './login.js';
import { deviceLogin } from './login-device.js';
import { machineLogin } from './login-machine.js';

/**
 * Logs a demo user in, on a loopback gateway with the demo provider only: the real device flow, confirmed over HTTP as a
 * browser would. The demo machine gets its secret from the provider and logs in by client credentials.
 */
export function loginAs(options: LoginOptions & { readonly user: string }): Promise<LoginResult> {
  return logIn(options, async (info, now) => {
    if (!info.demo || !isLoopbackUrl(info.issuer) || !isLoopbackUrl(options.gateway)) {
      throw new SluiceError(
        'usage',
        'Logging in as a demo user works only with the demo identity provider on this machine',
        {
          decider: 'local',
          next: [{ command: `sluice login ${options.gateway}`, when: 'to log in as yourself' }],
        },
      );
    }
    const clientSecret = await machineSecret(options, info, options.user);
    if (clientSecret !== null) return machineLogin(options, info, { clientId: options.user, clientSecret }, now);
    return deviceLogin(options, info, now, async (device) => {
      const { verification_uri_complete: uri } = device;
      if (uri === undefined) throw new SluiceError('protocol', 'The demo provider gave no link to confirm');
      const { signal } = options;
      await confirmDeviceCode({
        verificationUriComplete: uri,
        user: options.user,
        ...(signal === undefined ? {} : { signal }),
      });
      return { ...device, interval: 0.01 }; // confirmed already: no need to wait before asking
    });
  });
}

/** The demo machine's secret, or null when `user` is not that machine. */
async function machineSecret(
  { transport, signal }: LoginOptions,
  info: LoginInfo,
  user: string,
): Promise<string | null> {
  const answer = await transport.send({ method: 'GET', url: `${info.issuer}/demo/robot`, signal });
  const document = answer.status === 200 ? parseObject(answer.body.toString('utf8')) : null;
  const secret = document?.['client_secret'];
  return document?.['client_id'] === user && typeof secret === 'string' ? secret : null;
}
