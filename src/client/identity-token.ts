import { SluiceError } from '../lib/errors.js';
import { readIfPresent } from '../lib/private-files.js';

/** The token as it is now: platforms replace the file before the old one expires. */
export function readIdentityToken(file: string): string {
  const token = readIfPresent(file)?.trim() ?? '';
  if (token !== '') return token;
  throw new SluiceError('login_required', `There is no identity token in ${file}`, {
    decider: 'local',
    next: [{ command: 'sluice help environment', when: 'for SLUICE_IDENTITY_TOKEN_FILE' }],
  });
}
