import { describe, expect, it } from 'vitest';
import type { OutputColumn, ProtectedColumn } from '../../../src/analysis/postgres-types.js';
import { treatmentFor, type Reveal } from '../../../src/masking/treatment.js';
import type { Classification } from '../../../src/masking/types.js';

const classification: Classification = {
  classes: { email: { mask: 'email' }, ssn: { mask: 'last4' } },
  columns: [],
  detectors: {},
};
const column = (name: string, kind = name): ProtectedColumn => ({
  schema: 'public',
  table: 'users',
  column: name,
  class: kind,
});
const email = column('email');
const backup = column('backup_email', 'email');
const ssn = column('ssn');
const plain = (...sources: ProtectedColumn[]): OutputColumn => ({ name: 'c', sources, derived: false, unknown: false });
const derived = (...sources: ProtectedColumn[]): OutputColumn => ({
  name: 'c',
  sources,
  derived: true,
  unknown: false,
});
const origin = (...sources: ProtectedColumn[]) => ({ sources, derived: false });
const none: Reveal = { isRevealed: () => false, everything: false };
const only = (name: string): Reveal => ({ isRevealed: (source) => source.class === name, everything: false });
const all: Reveal = { isRevealed: () => true, everything: true };
const emailTreatment = { kind: 'class', class: 'email', masker: 'email' };

const judge = (from: Parameters<typeof treatmentFor>[0], reveal = none) => treatmentFor(from, classification, reveal);

describe('treatmentFor', () => {
  it('leaves alone what is protected by neither', () => {
    expect(judge({ origin: undefined, lineage: plain() })).toEqual({ treatment: { kind: 'clear' }, disagrees: false });
  });

  it('masks a plain column by its class, whether lineage alone or both say so', () => {
    expect(judge({ origin: undefined, lineage: plain(email) }).treatment).toEqual(emailTreatment);
    expect(judge({ origin: origin(email), lineage: plain(email) }).treatment).toEqual(emailTreatment);
    expect(judge({ origin: origin(email), lineage: plain(email, backup) }).treatment).toEqual(emailTreatment);
  });

  it('masks whole what is derived, of several classes, or unknown', () => {
    for (const lineage of [
      derived(email),
      plain(email, ssn),
      { ...plain(), unknown: true },
      'unknown',
      undefined,
    ] as const) {
      expect(judge({ origin: undefined, lineage })).toEqual({ treatment: { kind: 'whole' }, disagrees: false });
    }
    expect(judge({ origin: { sources: [email], derived: true }, lineage: plain(email) }).treatment.kind).toBe('whole');
    expect(judge({ origin: origin(ssn), lineage: plain(email) })).toEqual({
      treatment: { kind: 'whole' },
      disagrees: false,
    });
    expect(judge({ origin: origin(email), lineage: 'unknown' }).disagrees).toBe(false);
  });

  it('says so when origin is protected and lineage calls it clear, revealed or not', () => {
    expect(judge({ origin: origin(email), lineage: plain() })).toEqual({
      treatment: { kind: 'whole' },
      disagrees: true,
    });
    expect(judge({ origin: origin(email), lineage: plain() }, all).disagrees).toBe(true);
  });

  it('shows in clear only when every source is revealed', () => {
    expect(judge({ origin: origin(email), lineage: plain(email) }, only('email')).treatment.kind).toBe('clear');
    expect(judge({ origin: undefined, lineage: derived(email, ssn) }, only('email')).treatment.kind).toBe('whole');
    expect(judge({ origin: undefined, lineage: derived(email, ssn) }, all).treatment.kind).toBe('clear');
    expect(
      judge({ origin: undefined, lineage: 'unknown' }, { isRevealed: () => true, everything: false }).treatment.kind,
    ).toBe('whole');
    expect(judge({ origin: undefined, lineage: 'unknown' }, all).treatment.kind).toBe('clear');
  });

  it('redacts a class that is not defined, even under the name of an object property', () => {
    for (const name of ['gone', 'constructor', '__proto__']) {
      expect(judge({ origin: undefined, lineage: plain(column('x', name)) }).treatment).toEqual({
        kind: 'class',
        class: name,
        masker: 'redact',
      });
    }
  });
});
