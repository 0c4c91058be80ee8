/** Whether clients reach targets of this kind by SSH. */
export function isReachedBySsh(kind: string): boolean {
  return kind === 'ssh' || kind === 'command';
}

/** Whether a secret is a private key, by which one logs in without showing it, and not a password. */
export function isSshKey(secret: string): boolean {
  return secret.trimStart().startsWith('-----BEGIN ');
}
