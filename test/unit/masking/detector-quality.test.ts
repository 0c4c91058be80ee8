import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileDetectors, findSpans, maskText } from '../../../src/masking/detectors.js';
import { detectorCorpus } from '../../support/detector-corpus.js';
import { scoreDetectors } from '../../support/detector-scores.js';

const scores = scoreDetectors(detectorCorpus(20_260_101));

describe('over the labelled corpus', () => {
  it.each(scores.map((score) => [score.label, score] as const))('%s is found, and little else', (_label, score) => {
    expect(score.secrets).toBeGreaterThanOrEqual(200);
    expect(score.recall, `missed ${JSON.stringify(score.missed.slice(0, 5))}`).toBeGreaterThanOrEqual(0.99);
    expect(score.precision, JSON.stringify(score.mistaken)).toBeGreaterThanOrEqual(0.98);
  });
});

const detectors = compileDetectors({ iban: 'mask', phone: 'mask', 'national-id': 'mask' });
const mask = (text: string): string => (detectors === null ? text : maskText(text, detectors));

describe('detectors of accounts, telephones and identity numbers', () => {
  it.each([
    ['GB29 NWBK 6016 1331 9268 19', '****6819'],
    ['iban: de89370400440532013000.', 'iban: ****3000.'],
    ['{"iban":"FR1420041010050500013M02606"}', '{"iban":"****2606"}'],
    ['+1 (415) 555-2671', '****2671'],
    ['tel:+442071838750', 'tel:****8750'],
    ['call (212) 555-0123 now', 'call ****0123 now'],
    ['078-05-1120', '***'],
    ['529.982.247-25', '***'],
    ['12345678Z, X1234567L', '***, ***'],
    ['RSSMRA85T10A562S', '***'],
    ['131052-308T', '***'],
    ['44051401359', '***'],
    ['11010519491231002X', '***'],
    ['AB 12 34 56 C', '***'],
  ])('masks %s', (text, masked) => {
    expect(mask(text)).toBe(masked);
  });

  it.each([
    'GB29 NWBK 6016 1331 9268 18',
    'DE89 3704 0044 0532 0130 0',
    'XDE89370400440532013000',
    '+12.345678, +123.456789',
    '2024-05-06T07:08:09+02:00',
    '2024-05-06 07:08:09.123456+00',
    '1+49301234567',
    '666-12-3456',
    '12345678A',
    '111.111.111-11',
    '2024-01-15-0042',
    '192.168.100.200',
  ])('leaves %s alone', (text) => {
    expect(mask(text)).toBe(text);
  });

  it('looks at hostile text in time that grows with its length alone', () => {
    const all = compileDetectors({ iban: 'mask', phone: 'mask', 'national-id': 'mask', card: 'mask' });
    for (const unit of ['+1', '+1(', '00 1', '1-', '(1', 'DE12 ', '12 345 ', 'AB12', '1.1', '123-45-']) {
      const bytes = Buffer.from(unit.repeat(200_000 / unit.length));
      const started = process.cpuUsage();
      if (all !== null) findSpans(bytes, 0, bytes.length, all);
      expect(process.cpuUsage(started).user / 1_000, unit).toBeLessThan(2_000);
    }
  });

  it('finds spans in order, inside the text, whatever it holds', () => {
    const text = fc.stringMatching(/^[0-9+(). A-Z-]{0,80}$/);
    fc.assert(
      fc.property(text, (value) => {
        const bytes = Buffer.from(value);
        let free = 0;
        for (const span of (detectors && findSpans(bytes, 0, bytes.length, detectors)) ?? []) {
          expect(span.start).toBeGreaterThanOrEqual(free);
          expect(span.end).toBeGreaterThan(span.start);
          expect(span.end).toBeLessThanOrEqual(bytes.length);
          free = span.end;
        }
      }),
    );
  });
});
