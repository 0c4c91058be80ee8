/**
 * What a recording holds was chosen by whoever is being watched. Nothing of it reaches the reviewer's terminal that
 * could move the cursor, set a title, write the clipboard, ask the terminal a question or make text look like other text.
 */

/**
 * C0, DEL, C1; line and paragraph separators; bidirectional controls; everything that leaves no mark where it stands
 * (fillers, joiners, tags, variation selectors but those of an emoji, the empty Braille cell); lone surrogates.
 */
const unsafe =
  /[\p{Cc}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\u2028\u2029\u2800\ufff9-\ufffb\p{Surrogate}](?<!\p{Extended_Pictographic}[\ufe0e\ufe0f])/gu;

/** One line of text as it may be shown: everything unsafe becomes a visible escape. */
export function escapeLine(text: string): string {
  return text.replace(unsafe, visible);
}

/** Text of several lines: line feeds and tabs stay, the rest as in `escapeLine`. */
export function escapeText(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(unsafe, (character) => (character === '\n' || character === '\t' ? character : visible(character)));
}

/** Letters of one cell of a terminal, without what could make them read as others. */
export function drawable(letters: string): string {
  return letters.replace(unsafe, '');
}

/** JSON that may be printed on a terminal: JSON's own escapes stand in for everything unsafe. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, (character) =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x0a) return '\\n';
  if (code === 0x0d) return '\\r';
  if (code === 0x09) return '\\t';
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}
