import { compileDetectors, findSpans } from '../../src/masking/detectors.js';
import type { DetectorName } from '../../src/masking/types.js';
import type { Sample } from './detector-corpus.js';

/** How one class of secrets is found. */
export interface Score {
  readonly label: string;
  readonly detector: DetectorName;
  readonly secrets: number;
  readonly found: number;
  readonly recall: number;
  /** Texts without such a secret in which the detector saw one all the same, by kind. */
  readonly mistaken: Readonly<Record<string, number>>;
  readonly precision: number;
  readonly missed: readonly string[];
}

/**
 * Runs each class's detector alone over the whole corpus: every other class is a look-alike for it. A secret is found
 * when it is covered from its first to its last byte.
 */
export function scoreDetectors(corpus: readonly Sample[]): readonly Score[] {
  const classes = new Map<string, DetectorName>();
  for (const { label, detector } of corpus) if (detector !== null) classes.set(label, detector);
  return [...classes].map(([label, detector]) => {
    const compiled = compileDetectors({ [detector]: 'mask' });
    if (compiled === null) throw new Error(`no detector ${detector}`);
    let secrets = 0;
    let found = 0;
    const missed: string[] = [];
    const mistaken: Record<string, number> = {};
    for (const sample of corpus) {
      const bytes = Buffer.from(sample.text);
      const spans = findSpans(bytes, 0, bytes.length, compiled) ?? [];
      // A detector may serve two classes; those of its own are no mistakes, and no finds of this one.
      if (sample.label !== label) {
        if (sample.detector !== detector && spans.length > 0)
          mistaken[sample.label] = (mistaken[sample.label] ?? 0) + 1;
        continue;
      }
      secrets++;
      const start = Buffer.byteLength(sample.text.slice(0, sample.start));
      const end = Buffer.byteLength(sample.text.slice(0, sample.end));
      if (spans.some((span) => span.start <= start && span.end >= end)) found++;
      else missed.push(sample.text);
      if (spans.some((span) => span.end <= start || span.start >= end))
        mistaken['its own context'] = (mistaken['its own context'] ?? 0) + 1;
    }
    const wrong = Object.values(mistaken).reduce((all, count) => all + count, 0);
    return {
      label,
      detector,
      secrets,
      found,
      recall: found / secrets,
      mistaken,
      precision: found / (found + wrong),
      missed,
    };
  });
}
