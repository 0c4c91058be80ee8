/** What a target says of a file (ATTRS of draft-ietf-secsh-filexfer-02, section 5); null where it says nothing. */
export interface Attributes {
  readonly size: number | null;
  readonly owner: string | null;
  readonly mode: number | null;
  /** When its content was changed last, in seconds since the epoch. */
  readonly changedAt: number | null;
}

/**
 * Whether what stands at a path can be the file that is open, by what that was like just before and just after. It may have
 * grown or been cut meanwhile, and have got other rights; what was never so is another file.
 */
export function isSameFile(
  there: Attributes,
  { before, after }: { readonly before: Attributes; readonly after: Attributes },
): boolean {
  const isEither = (of: (attributes: Attributes) => unknown): boolean =>
    of(there) === of(before) || of(there) === of(after);
  const isBetween = (of: (attributes: Attributes) => number | null): boolean => {
    const [now, one, other] = [of(there), of(before), of(after)];
    if (now === null || one === null || other === null) return now === one || now === other;
    return now >= Math.min(one, other) && now <= Math.max(one, other);
  };
  return (
    isEither(({ owner }) => owner) &&
    isEither(({ mode }) => mode) &&
    isBetween(({ size }) => size) &&
    isBetween(({ changedAt }) => changedAt)
  );
}
