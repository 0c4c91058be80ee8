import { expect, it } from 'vitest';
import { describeText } from '../../../src/cli/describe.js';
import { Output } from '../../../src/cli/output.js';
import type { TargetDetail } from '../../../src/client/api-types.js';

const silent = { write: () => true };
const out = new Output({
  stdout: silent,
  stderr: silent,
  json: false,
  quiet: false,
  color: 'never',
  noColor: true,
  forceColor: false,
});
const may = (action: string, group: string, verdict: 'allow' | 'hold' | 'deny', policies: string[] = []) => ({
  action,
  group,
  verdict,
  policies,
  approvals: verdict === 'hold' ? [{ group: 'dba', count: 2 }] : [],
});
const target: TargetDetail = {
  schema: 'sluice.target/v1',
  ok: true,
  name: 'db-prod',
  kind: 'postgres',
  labels: { env: 'prod' },
  recording: 'strict',
  database: 'app',
  permissions: [
    may('select', 'read', 'allow', ['engineers']),
    may('copyOut', 'read', 'allow', ['engineers']),
    may('insert', 'write', 'hold', ['prod-writes']),
    may('truncate', 'write', 'deny', ['no-truncate']),
    may('drop', 'define', 'deny'),
  ],
  protected_columns: [
    { column: 'public.users.email', class: 'email', mask: 'email', reveal: 'deny' },
    { column: 'public.users.ssn', class: 'ssn', mask: 'last4', reveal: 'hold' },
    { column: 'public.users.city', class: 'place', mask: 'redact', reveal: 'allow' },
  ],
};

it('says in plain words what one may do, what whom must approve, what not and why, and what is masked', () => {
  expect(describeText(target, out)).toBe(
    `db-prod   postgres, database app   env=prod
Everything here is recorded (strict).

You may
  ✓ read data

After approval you may
  ⏸ change data: insert   (2 of @dba)   [prod-writes]

You may not
  ✗ change data: truncate   [no-truncate]
  ✗ change what tables and other objects are   [no policy permits it]

Protected columns
  email: masked (email)   public.users.email
  ssn: masked (last4), in clear after approval   public.users.ssn
  place: in clear   public.users.city

What one statement would do: sluice policy explain db-prod "…"
Its tables and columns: sluice describe db-prod --tables`,
  );
});

it('shows a hostile name without obeying it', () => {
  expect(describeText({ ...target, labels: { env: '\u001b]0;x\u0007' } }, out)).not.toContain('\u001b');
});
