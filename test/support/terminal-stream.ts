import fc from 'fast-check';

const finals = 'ABCDEFGHIJKLMPSTXZ@`abdefghlmrsu'.split('');
const numbers = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 3 }).map((list) => list.join(';'));
const piece = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^[ -~]{1,30}$/) },
  { weight: 2, arbitrary: fc.constantFrom('日本語', 'Zoë', '👍', 'e\u0301', '\r\n', '\n', '\r', '\t', '\b') },
  { weight: 6, arbitrary: fc.tuple(numbers, fc.constantFrom(...finals)).map(([n, final]) => `\u001b[${n}${final}`) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.array(fc.constantFrom('1', '5', '6', '7', '25', '45', '47', '1047', '1048', '1049'), {
          minLength: 1,
          maxLength: 3,
        }),
        fc.constantFrom('h', 'l'),
      )
      .map(([modes, final]) => `\u001b[?${modes.join(';')}${final}`),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.array(fc.constantFrom('0', '2', '4', '04', '12', '20'), { maxLength: 3 }), fc.constantFrom('h', 'l'))
      .map(([modes, final]) => `\u001b[${modes.join(';')}${final}`),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...['\u001b7', '\u001b8', '\u001bD', '\u001bE', '\u001bM', '\u001bH', '\u001b(0', '\u001b(B', '\u001b)0'],
      ...['\u000e', '\u000f', '\u001bc', '\u001b[!p', '\u001b[38;2;1;2;3m', '\u001b[48;5;200m', '\u001b[4:3m'],
      ...[
        '\u001b]0;a title\u0007',
        '\u001b]2;other\u001b\\',
        '\u001b]52;c;b3duZWQ=\u0007',
        '\u001b[22;0;0t',
        '\u001b[23;0;0t',
      ],
    ),
  },
);
/** What programs write to a terminal, in any order: text, sequences that draw, and strings that do not. */
export const terminalStream = fc
  .array(piece, { minLength: 1, maxLength: 60 })
  .map((pieces) => Buffer.from(pieces.join('')));
