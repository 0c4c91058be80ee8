/** How long recordings are kept after their end. Null keeps them for ever. */
export interface RetentionPolicy {
  readonly days: number | null;
  /** By target: a name, or a pattern in which `*` stands for any characters. */
  readonly byTarget?: Readonly<Record<string, number | null>>;
}

export const keepAll: RetentionPolicy = { days: null };
const dayMs = 86_400_000;

/**
 * Days that this target's recordings are kept. Its name goes before patterns; of several patterns the one that keeps
 * longest counts, so that a pattern too many deletes nothing.
 */
export function daysKept({ days, byTarget = {} }: RetentionPolicy, target: string): number | null {
  const named = Object.hasOwn(byTarget, target) ? byTarget[target] : undefined;
  if (named !== undefined) return named;
  const matching = Object.entries(byTarget).filter(([pattern]) => matches(pattern, target));
  if (matching.length === 0) return days;
  return matching.reduce<number | null>(
    (longest, [, each]) => (longest === null || each === null ? null : Math.max(longest, each)),
    0,
  );
}

/** Says whether a session that ended then may be deleted now. */
export function isExpired(policy: RetentionPolicy, target: string, closedAt: number, now: number): boolean {
  const days = daysKept(policy, target);
  return days !== null && now - closedAt > days * dayMs;
}

/** Says whether any recording is ever deleted. */
export function deletesAnything({ days, byTarget = {} }: RetentionPolicy): boolean {
  return days !== null || Object.values(byTarget).some((each) => each !== null);
}

function matches(pattern: string, target: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === target;
  const last = rest.pop() ?? '';
  if (!target.startsWith(first) || !target.endsWith(last) || target.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = target.indexOf(part, at);
    if (found < 0 || found + part.length > target.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}
