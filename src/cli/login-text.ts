import type { DevicePrompt } from '../client/login-device.js';
import type { PendingLogin } from '../client/pending-logins.js';
import type { Output } from './output.js';
import { plain } from './plain.js';

/** The person must see this, whatever is asked for: it goes to stderr even with --quiet and --json. */
export function promptText(prompt: DevicePrompt, out: Output): string {
  const { userCode, verificationUri, verificationUriComplete, expiresAt } = prompt;
  const lines = [
    `Open ${out.paintError('underline', plain(verificationUri))}`,
    `and confirm the code ${out.paintError('bold', plain(userCode))}   (until ${expiresAt})`,
  ];
  if (verificationUriComplete !== null) lines.push(`or open ${plain(verificationUriComplete)}`);
  return lines.join('\n');
}

/** `sluice.login_pending/v1`: what a person needs to confirm, and the command that fetches the login then. */
export function pendingDocument(pending: PendingLogin, prompt: DevicePrompt): object {
  return {
    schema: 'sluice.login_pending/v1',
    ok: true,
    handle: pending.handle,
    profile: pending.profile,
    gateway: pending.gateway,
    verification_uri: prompt.verificationUri,
    verification_uri_complete: prompt.verificationUriComplete,
    user_code: prompt.userCode,
    expires_at: prompt.expiresAt,
    next: [
      { command: `sluice login --complete ${pending.handle} --json`, when: 'after a person has confirmed the code' },
    ],
  };
}
