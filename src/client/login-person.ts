import { browserLogin } from './login-browser.js';
import { deviceLogin, type DevicePrompt } from './login-device.js';
import type { LoginInfo } from './api-types.js';
import { logIn, type LoginOptions, type LoginResult } from './login.js';

export interface PersonLogin {
  /** Chosen when it is known what the gateway permits. */
  readonly way: (info: LoginInfo) => 'browser' | 'device';
  /** Shows the code; the login waits for it to be confirmed. */
  readonly onPrompt: (prompt: DevicePrompt) => Promise<void> | void;
  /** Shows the address in a browser, or to the person. */
  readonly onUrl: (url: string) => void;
}

/** Logs a person in: in a browser on this machine, or with a code for any browser. */
export function loginAsPerson(options: LoginOptions & PersonLogin): Promise<LoginResult> {
  return logIn(options, (info, now) => {
    if (options.way(info) === 'browser') return browserLogin(options, info, now);
    return deviceLogin(options, info, now, async (device, prompt) => {
      await options.onPrompt(prompt);
      return device;
    });
  });
}
