/**
 * Length of the UTF-8 character of several bytes that begins at `index` and ends at `end` at the latest; 0 when there is none
 * (RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF).
 */
export function characterAt(bytes: Buffer, index: number, end: number): number {
  const lead = bytes[index] ?? 0;
  const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length === 0 || index + length > end) return 0;
  for (let at = index + 1; at < index + length; at++) if (((bytes[at] ?? 0) & 0xc0) !== 0x80) return 0;
  const second = bytes[index + 1] ?? 0;
  switch (lead) {
    case 0xe0:
      return second < 0xa0 ? 0 : length;
    case 0xed:
      return second > 0x9f ? 0 : length;
    case 0xf0:
      return second < 0x90 ? 0 : length;
    case 0xf4:
      return second > 0x8f ? 0 : length;
    default:
      return length;
  }
}

/** Length of the UTF-8 character of several bytes that ends before `end` and begins at `start` at the earliest; 0 when there is none. */
export function characterBefore(bytes: Buffer, end: number, start: number): number {
  for (let index = end - 1; index >= start && end - index <= 4; index--) {
    if (((bytes[index] ?? 0) & 0xc0) === 0x80) continue;
    return characterAt(bytes, index, end) === end - index ? end - index : 0;
  }
  return 0;
}
