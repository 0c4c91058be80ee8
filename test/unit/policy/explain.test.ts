import { checkParseSchema } from '@cedar-policy/cedar-wasm/nodejs';
import { describe, expect, it } from 'vitest';
import { explain } from '../../../src/policy/explain.js';
import { cedarSchema } from '../../../src/policy/schema.js';
import { ask, compile, effect, person } from './fixtures.js';

describe('explaining a decision', () => {
  it('names every determining policy of every effect, and where it stands', () => {
    const policies = compile(
      '@id("read") permit (principal, action in Action::"read", resource); @id("read-too") permit (principal, action == Action::"select", resource); @id("write") permit (principal, action == Action::"delete", resource); @id("held") @approval("dba") @quorum("2") @message("Ask.") forbid (principal, action == Action::"delete", resource) unless { context.approvals.contains("dba") };',
    );
    const [select, remove, drop] = [
      effect('select', 'public.orders'),
      effect('delete', 'public.orders'),
      effect('drop', 'public.orders'),
    ];
    const permit = {
      effect: 'permit',
      message: null,
      approvals: [],
      file: 'policies/test.cedar',
      offset: expect.any(Number),
    };
    const explanation = explain(ask(person('ann'), [select, remove, drop]), policies);
    expect(explanation.effects).toEqual([
      {
        effect: select,
        verdict: 'allow',
        policies: [
          { id: 'read', ...permit },
          { id: 'read-too', ...permit },
        ],
        message: '',
      },
      {
        effect: remove,
        verdict: 'hold',
        policies: [
          {
            id: 'held',
            effect: 'forbid',
            message: 'Ask.',
            approvals: [{ group: 'dba', count: 2 }],
            file: 'policies/test.cedar',
            offset: expect.any(Number),
          },
        ],
        message: 'Ask.',
      },
      {
        effect: drop,
        verdict: 'deny',
        policies: [],
        message: 'No policy permits drop on table demo-db/shop/public/orders.',
      },
    ]);
    expect(explanation.decision).toMatchObject({ verdict: 'deny', refused: [drop] });
    expect(explanation.policyVersion).toBe(policies.version);
  });

  it('says why a hold became a deny', () => {
    const policies = compile(
      '@approval("dba") forbid (principal, action, resource) unless { context.approvals.contains("dba") };',
    );
    const explanation = explain(ask(person('ann'), [effect('delete', 'public.orders')]), policies);
    expect(explanation.effects[0]).toMatchObject({
      verdict: 'deny',
      policies: [],
      message: 'No policy permits delete on table demo-db/shop/public/orders.',
    });
  });
});

describe('the schema', () => {
  it('is one that Cedar accepts', () => {
    expect(checkParseSchema(cedarSchema())).toEqual({ type: 'success' });
  });
});
