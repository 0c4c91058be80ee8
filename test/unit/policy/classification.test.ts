import { describe, expect, it } from 'vitest';
import { narrowClassification } from '../../../src/policy/classification.js';

describe('narrowing a classification', () => {
  it('keeps what applies to the target, in order, split into its parts', () => {
    const columns = [
      { target: 'db-*', column: 'public.users.email', class: 'email' },
      { target: 'other', column: 'public.users.email', class: 'secret' },
      { target: '*', column: '*.*.ssn', class: 'ssn' },
    ];
    expect(narrowClassification({ classes: {}, columns, detectors: {} }, { name: 'db-prod' })).toEqual({
      target: 'db-prod',
      columns: [
        { schema: 'public', table: 'users', column: 'email', class: 'email' },
        { schema: '*', table: '*', column: 'ssn', class: 'ssn' },
      ],
    });
  });
});
