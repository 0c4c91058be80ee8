/** A known text and what stands for it in golden files. */
export type Known = readonly (readonly [text: string, name: string])[];

const patterns: readonly (readonly [RegExp, string | ((found: string) => string)])[] = [
  [/\b(ses|req|tun|evt|key|ver|lgn|grt|cur|sig|rly)_[0-9a-hjkmnp-tv-z]{16}\b/g, '$1_xxxxxxxxxxxxxxxx'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'YYYY-MM-DDThh:mm:ss.sssZ'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'YYYY-MM-DDThh:mm:ssZ'],
  [/\b\d+ ms\b/g, 'N ms'],
  [/\b127\.0\.0\.1:\d{4,5}\b/g, '127.0.0.1:PORT'],
  [/\b[0-9a-f]{64}\b/g, 'x'.repeat(64)],
  [/\(\d+:\d\d left\)/g, '(N:NN left)'],
];

/** Numbers that differ from run to run, by their names in documents. */
const varying = /^(duration_ms|pid|port|bytes|postgres_port|latency_ms)$/;

/** Text with everything that differs from run to run replaced, by something as long where columns are aligned. */
export function normaliseText(text: string, known: Known): string {
  let result = text;
  for (const [found, name] of known) result = result.replaceAll(found, name);
  for (const [pattern, by] of patterns) result = result.replace(pattern, by as string);
  return result.replaceAll('\u001b', '␛');
}

/** The same for a document, written out over several lines. */
export function normaliseDocument(document: unknown, known: Known): string {
  const visit = (value: unknown, key: string): unknown => {
    if (typeof value === 'string') return normaliseText(value, known);
    if (typeof value === 'number') return varying.test(key) ? `<${key}>` : value;
    if (Array.isArray(value)) return value.map((each) => visit(each, key));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [normaliseText(name, known), visit(each, name)]),
    );
  };
  return JSON.stringify(visit(document, ''), null, 2);
}
