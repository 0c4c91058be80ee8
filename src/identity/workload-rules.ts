import type { JWTPayload } from 'jose';

/** Which workloads of an issuer may come, and what they are called here. Every claim named must match. */
export interface WorkloadRule {
  /** Claim → what it must be. `*` stands for anything without "/" and ":", `**` for anything. Nested: "kubernetes.io.namespace". */
  readonly claims: Readonly<Record<string, string | readonly string[]>>;
  /** The machine's name; `{claim}` stands for the claim's text. */
  readonly name: string;
  /** Groups as a provider's claim would name them: bindings.yaml says what they are here. */
  readonly groups: readonly string[];
  /** The claim that names the person who set the workload off; null: nobody. */
  readonly onBehalfOf: string | null;
}

/** A workload that a rule lets in. */
export interface Workload {
  readonly name: string;
  readonly groups: readonly string[];
  readonly onBehalfOf: string | null;
}

/** The first rule that matches decides. Null: this workload is none of ours. */
export function admitWorkload(payload: JWTPayload, rules: readonly WorkloadRule[]): Workload | null {
  for (const { claims, name, groups, onBehalfOf } of rules) {
    const matches = Object.entries(claims).every(([claim, wanted]) =>
      (Array.isArray(wanted) ? (wanted as readonly string[]) : [String(wanted)]).some((pattern) =>
        isMatch(claimText(payload, claim), pattern),
      ),
    );
    if (!matches) continue;
    const filled = fill(name, payload);
    if (filled === null) return null;
    return { name: filled, groups, onBehalfOf: onBehalfOf === null ? null : claimText(payload, onBehalfOf) };
  }
  return null;
}

/** A claim's text, by its own name or by a path of names. Anything that is no text, number or boolean is no claim. */
function claimText(payload: JWTPayload, path: string): string | null {
  const own = scalar(payload[path]);
  if (own !== null) return own;
  // "kubernetes.io.namespace": names may have dots themselves, so every split is tried, the longest first.
  let at: readonly (readonly [unknown, string])[] = [[payload, path]];
  for (let depth = 0; depth < 5 && at.length > 0; depth += 1) {
    const next: [unknown, string][] = [];
    for (const [value, rest] of at) {
      if (typeof value !== 'object' || value === null) continue;
      for (const [name, inner] of Object.entries(value)) {
        if (name === rest) {
          const found = scalar(inner);
          if (found !== null) return found;
        } else if (rest.startsWith(`${name}.`)) next.push([inner, rest.slice(name.length + 1)]);
      }
    }
    at = next;
  }
  return null;
}

function scalar(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

function isMatch(text: string | null, pattern: string): boolean {
  if (text === null) return false;
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) => (part === '**' ? '.*' : part === '*' ? '[^/:]*' : part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')))
    .join('');
  return new RegExp(`^${source}$`, 'su').test(text);
}

function fill(template: string, payload: JWTPayload): string | null {
  let isWhole = true;
  const text = template.replace(/\{([^{}]+)\}/g, (_all, claim: string) => {
    const found = claimText(payload, claim);
    if (found === null) isWhole = false;
    return found ?? '';
  });
  return isWhole && text !== '' && text.length <= 200 ? text : null;
}
