/**
 * The test of a pattern in which `*` stands for any run of characters and everything else for itself. Linear: no regular
 * expression is built from what somebody configured.
 */
export function globTest(pattern: string): (text: string) => boolean {
  const parts = pattern.split('*');
  const [first = ''] = parts;
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return (text) => text === pattern;
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const part of parts.slice(1, -1)) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= text.length - last.length;
  };
}

/** As `globTest` for names of schemas, tables and columns: a classification means them however they are cased. */
export function nameTest(pattern: string): (name: string) => boolean {
  const test = globTest(pattern.toLowerCase());
  return (name) => test(name.toLowerCase());
}
