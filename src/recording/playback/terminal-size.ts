/** A terminal's size, "COLSxROWS" as recorded; null for what is none. Zero is that of a client without a terminal. */
export function sizeIn(data: Uint8Array): { readonly columns: number; readonly rows: number } | null {
  const found = /^(\d{1,4})x(\d{1,4})$/.exec(Buffer.from(data).toString('latin1'));
  if (found === null) return null;
  return { columns: Number(found[1]) || 80, rows: Number(found[2]) || 24 };
}
