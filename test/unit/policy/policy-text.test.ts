import fc from 'fast-check';
import { policyToJson, policySetTextToParts } from '@cedar-policy/cedar-wasm/nodejs';
import { describe, expect, it } from 'vitest';
import { checkPolicies } from '../../../src/policy/bundle.js';
import { policyLimits, splitPolicies, tooComplex } from '../../../src/policy/policy-text.js';
import { bundleFiles } from './fixtures.js';

const when = (condition: string): string => `permit (principal, action, resource) when { ${condition} };`;

describe('splitting a file into policies', () => {
  it('agrees with Cedar about where a policy ends', () => {
    const piece = fc.constantFrom(
      'permit (principal, action, resource);',
      '@id("a;b") forbid (principal, action, resource);',
      when('"\\"; // x" == "\\\\"'),
      when('context.reason like "*;\\*"'),
      '// ; comment "\n',
      '// carriage ;\r',
      '\n\n  ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('\n');
        const ours = splitPolicies('x', text);
        const theirs = policySetTextToParts(text);
        expect(theirs.type === 'success' && theirs.policies.length).toBe(ours.length);
        for (const { text: own, offset } of ours) expect(text.startsWith(own, offset)).toBe(true);
      }),
    );
  });

  it('is linear in the size of a hostile file', () => {
    const started = process.cpuUsage();
    splitPolicies('x', '\\"'.repeat(128 * 1024));
    splitPolicies('x', '"\\'.repeat(128 * 1024));
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(2_000);
  });
});

describe('a policy too deep for Cedar', () => {
  const n = 100_000;
  it.each([
    ['brackets', when(`${'('.repeat(n)}true${')'.repeat(n)}`)],
    ['sets', when(`${'['.repeat(n)}`)],
    ['records', when(`${'{a:'.repeat(n)}1`)],
    ['negations', when(`${'!'.repeat(n)}true`)],
    ['conjunctions', when(Array(n).fill('true').join('&&'))],
    ['attributes', when(`context${'.a'.repeat(n)}`)],
    ['calls', when(`context.approvals${'.contains("a")'.repeat(n)}`)],
    ['indexes', when(`context${'["a"]'.repeat(n)}`)],
    ['conditionals', when('if true then true else '.repeat(n))],
    ['behind a comment', `permit (principal, action, resource) // "\r when { ${'('.repeat(n)} };`],
    ['behind a quote', `permit (principal, action, resource) when { ' "a" ${'('.repeat(n)} };`],
  ])('is refused before Cedar sees it: %s', (_, text) => {
    const clipped = text.slice(0, 250_000);
    expect(checkPolicies(bundleFiles(clipped)).valid).toBe(false);
    // The engine is alive and well: an overflow would have broken it for every later call.
    expect(policyToJson('permit (principal, action, resource);').type).toBe('success');
  });

  it('leaves room to spare under what Cedar bears, also in combination', () => {
    const { nesting, operators } = policyLimits;
    const deep = `${'('.repeat(nesting - 2)}true${')'.repeat(nesting - 2)}`;
    const worst = [
      when(
        `${deep} && ${Array(operators - 2)
          .fill('true')
          .join(' && ')}`,
      ),
      when(`context${'.a'.repeat(operators - 1)}`),
      when(
        `${'(true && '.repeat(nesting - 2)}context${'.a'.repeat(operators - nesting)} == 1${')'.repeat(nesting - 2)}`,
      ),
      when(
        `${'['.repeat(nesting - 2)}${Array(operators - 30)
          .fill('1')
          .join(' + ')}${']'.repeat(nesting - 2)} == []`,
      ),
    ];
    for (const text of worst) {
      const [source] = splitPolicies('x', text);
      expect(source && tooComplex(source)).toBeNull();
      expect(checkPolicies(bundleFiles(text)).problems.length).toBeGreaterThanOrEqual(0);
      expect(policyToJson('permit (principal, action, resource);').type).toBe('success');
    }
  });

  it('is bounded as a whole too, so that no check takes minutes', () => {
    const many = when(Array(40).fill('context.class == "x"').join(' || ')).repeat(150);
    expect(checkPolicies(bundleFiles(many)).problems[0]?.message).toBe(
      'the policies are too many and too long to be checked in good time',
    );
  });

  it('survives whatever text it is given', () => {
    const token = fc.constantFrom(
      'permit',
      'forbid',
      '(',
      ')',
      '{',
      '}',
      '[',
      ']',
      ';',
      '"',
      '\\',
      '@',
      'id',
      '::',
      'when',
      'context',
      '.',
      '!',
      '-',
      '1',
      '//',
      '\n',
      '\r',
      'é',
      '😀',
      '\0',
      'principal',
      'action',
      'resource',
      ',',
      '?principal',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 60 }), (tokens) => {
        const { valid } = checkPolicies(bundleFiles(`permit (principal, action, resource); ${tokens.join(' ')}`));
        expect(typeof valid).toBe('boolean');
      }),
      { numRuns: 150 },
    );
    expect(policyToJson('permit (principal, action, resource);').type).toBe('success');
  });
});
