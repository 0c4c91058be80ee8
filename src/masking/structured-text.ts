/** What is done with each string inside a structured text; the same string back means unchanged. */
export type StringMask = (text: string) => string;

/**
 * Applies `mask` to every string (keys too) and number of a JSON text (RFC 8259). What changes is written as a JSON
 * string; everything else keeps its spelling. The text has been accepted by PostgreSQL's json type.
 */
export function maskJsonText(json: string, mask: StringMask): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*/gs, (token) => {
    if (!token.startsWith('"')) {
      const masked = mask(token);
      return masked === token ? token : JSON.stringify(masked);
    }
    const value: unknown = JSON.parse(token);
    if (typeof value !== 'string') throw new TypeError('not a JSON string');
    const masked = mask(value);
    return masked === value ? token : JSON.stringify(masked);
  });
}

/** Applies `mask` to every element of an array literal (PostgreSQL 8.15.6); what changes is written in quotes. */
export function maskArrayText(literal: string, mask: StringMask): string {
  const first = literal.indexOf('{'); // bounds such as [0:2]= may stand before
  if (first < 0) throw new TypeError('not an array literal');
  const body = literal.slice(first).replace(/"(?:[^"\\]|\\.)*"|[^{},"]+/gs, (token) => {
    const value = token.startsWith('"') ? token.slice(1, -1).replace(/\\(.)/gs, '$1') : token;
    const masked = mask(value);
    return masked === value ? token : `"${masked.replace(/["\\]/g, '\\$&')}"`;
  });
  return literal.slice(0, first) + body;
}

/** Applies `mask` to an XML text whose numeric references to printable ASCII have been resolved (XML 1.0, 4.1). */
export function maskXmlText(xml: string, mask: StringMask): string {
  const resolved = xml.replace(/&#(?:x0{0,8}([0-9a-f]{1,6})|0{0,8}([0-9]{1,7}));/gi, (reference, hex, decimal) => {
    const code = hex === undefined ? Number(decimal) : Number.parseInt(String(hex), 16);
    const isMarkup = code === 0x22 || code === 0x26 || code === 0x27 || code === 0x3c || code === 0x3e;
    return code >= 0x20 && code < 0x7f && !isMarkup ? String.fromCharCode(code) : String(reference);
  });
  const masked = mask(resolved);
  return masked === resolved ? xml : masked;
}
