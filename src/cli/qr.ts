import { renderUnicodeCompact } from 'uqr';

/** A QR code of a text in half blocks, light on dark as terminals are; its quiet zone is part of it (ISO/IEC 18004). */
export function qrLines(text: string): string {
  return renderUnicodeCompact(text, { border: 2 });
}
