/** A known text and what stands for it in golden files. */
export type Known = readonly (readonly [text: string, name: string])[];

const patterns: readonly (readonly [RegExp, string | ((found: string) => string)])[] = [
  [/(ses|req|tun|evt|key|ver|lgn|grt|cur|sig|rly|ssk|cpy)_[0-9a-hjkmnp-tv-z]{16}\b/g, '$1_xxxxxxxxxxxxxxxx'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'YYYY-MM-DDThh:mm:ss.sssZ'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'YYYY-MM-DDThh:mm:ssZ'],
  [/\b\d\d:\d\d:\d\d\b/g, 'hh:mm:ss'],
  [/\b\d+ ms\b/g, 'N ms'],
  [/\bafter (\d+\.\d s|N ms)(?= |,)/g, 'after N s'],
  [/\b(pid|process) \d+/g, '$1 N'],
  [/\bport \d+/g, 'port PORT'],
  [/\bNode\.js \S+ on \S+ \S+/g, 'Node.js VERSION on SYSTEM'],
  [/\bPostgreSQL \d+\.\d+/g, 'PostgreSQL VERSION'],
  [/ -p \d+ /g, ' -p PORT '],
  [/(:\/\/sluice:)[\w-]+@/g, '$1PASSWORD@'],
  [/\bage1[0-9a-z]{58}\b/g, `age1${'x'.repeat(58)}`],
  [/\b127\.0\.0\.1:\d{4,5}\b/g, '127.0.0.1:PORT'],
  [/\b[0-9a-f]{40,64}/g, (found) => 'x'.repeat(found.length)],
  [/\bSHA256:[\w+/]{20,43}/g, (found) => `SHA256:${'x'.repeat(found.length - 7)}`],
  [/(AAAAC3NzaC1lZDI1NTE5AAAAI)[\w+/]{43}/g, '$1…'],
  [/(MCowBQYDK2VwAyEA)[\w+/]{43}=/g, '$1…'],
  [/("duration_ms":)\d+/g, '$1N'],
  [/\bwaiting \d+:\d\d\b/g, 'waiting N:NN'],
  [/\b[0-9a-f]{16}\b/g, 'x'.repeat(16)],
  [/\(\d+:\d\d left\)/g, '(N:NN left)'],
  [/\b(?<=code |user_code=)[A-Z]{4}-[A-Z]{4}\b/g, 'XXXX-XXXX'],
  // A long address, broken over lines of a terminal.
  [/\/idp\/auth\?redirect_uri=[\w%.&=+\n-]+=\n?code$/gm, '/idp/auth?…'],
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
    if (typeof value === 'string' && key === 'version' && /^\d+\.\d+$/.test(value)) return 'VERSION';
    if (typeof value === 'string' && key === 'password') return '<password>';
    if (typeof value === 'string') return normaliseText(value, known);
    if (typeof value === 'number') return varying.test(key) ? `<${key}>` : value;
    if (Array.isArray(value)) return withoutRepeats(value.map((each) => visit(each, key)));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [normaliseText(name, known), visit(each, name)]),
    );
  };
  return JSON.stringify(visit(document, ''), null, 2);
}

/** What is said many times in a row is said once, and how often. */
function withoutRepeats(values: readonly unknown[]): readonly unknown[] {
  const result: unknown[] = [];
  for (let at = 0; at < values.length;) {
    const text = JSON.stringify(values[at]);
    let end = at + 1;
    while (end < values.length && JSON.stringify(values[end]) === text) end++;
    result.push(values[at], ...(end - at > 2 ? [`… ${end - at - 1} more like it`] : values.slice(at + 1, end)));
    at = end;
  }
  return result;
}
