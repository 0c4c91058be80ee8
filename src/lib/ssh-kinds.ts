/** Whether clients reach targets of this kind by SSH. */
export function isReachedBySsh(kind: string): boolean {
  return kind === 'ssh' || kind === 'command';
}
