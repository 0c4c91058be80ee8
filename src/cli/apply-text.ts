import type { ApplyResult } from '../client/api-bundle-types.js';
import type { Output } from './output.js';
import { plain } from './plain.js';

const marks = { added: ['green', '+'], removed: ['red', '-'], modified: ['yellow', '~'] } as const;
const colors = { '+': 'green', '-': 'red' } as const;

/** What applying a bundle changes: its files line by line, then what that means, then what is in force. */
export function applyText(document: ApplyResult, out: Output): string {
  const { applied, changed, previous_version: previous, things, version } = document;
  const line = (change: keyof typeof marks, text: string): string => {
    const [color, mark] = marks[change];
    return `${out.paint(color, mark)} ${text}`;
  };
  const files = changed.flatMap((file) => [line(file.change, plain(file.file)), ...hunkLines(file, out)]);
  const meaning = things.map(({ kind, name, change, words }) =>
    line(change, `${kind} ${plain(name)}${words === '' ? '' : out.paint('dim', ` (${plain(words)})`)}`),
  );
  return [
    ...files,
    ...(meaning.length === 0 ? [] : ['', 'What that means:', ...meaning.map((each) => `  ${each}`)]),
    ...(changed.length > 0 && meaning.length === 0 ? ['', 'It means the same as before.'] : []),
    ...(changed.length === 0 ? ['Nothing differs.'] : ['']),
    applied
      ? `${out.paint('green', '✓')} applied as version ${version}`
      : `not applied; it would be version ${version}`,
    // A gateway of before says nothing of it.
    ...(document.secrets_to_set ?? []).map(
      (name) =>
        `${out.paint('yellow', '!')} a target would send the secret ${plain(name)} to another place than it was set for: sluice secrets set ${plain(name)}`,
    ),
    ...(previous === null || !applied || changed.length === 0 ? [] : [`back: sluice apply --to ${previous}`]),
  ].join('\n');
}

function hunkLines({ hunks }: ApplyResult['changed'][number], out: Output): readonly string[] {
  return (hunks ?? []).flatMap(({ before, after, lines }) => [
    out.paint('cyan', `  @@ ${before} → ${after} @@`),
    ...lines.map((text) => {
      const sign = text[0];
      const shown = `  ${plain(text)}`;
      return sign === '+' || sign === '-' ? out.paint(colors[sign], shown) : shown;
    }),
  ]);
}
