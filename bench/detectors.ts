import { detectorCorpus } from '../test/support/detector-corpus.js';
import { scoreDetectors } from '../test/support/detector-scores.js';
import { compileDetectors, findSpans } from '../src/masking/detectors.js';

const seed = 20_260_101;
const corpus = detectorCorpus(seed, 200);
const all = compileDetectors({
  email: 'mask',
  card: 'mask',
  iban: 'mask',
  phone: 'mask',
  'national-id': 'mask',
  'private-key': 'mask',
  token: 'mask',
});

console.log(`${corpus.length} texts of seed ${seed}: secrets of every class, and what looks like them\n`);
console.log('class         secrets  recall  precision  taken for one by mistake');
for (const { label, secrets, recall, precision, mistaken } of scoreDetectors(corpus)) {
  const wrong = Object.entries(mistaken).map(([kind, count]) => `${count} × ${kind}`);
  console.log(
    `${label.padEnd(12)} ${String(secrets).padStart(8)}  ${recall.toFixed(4)}  ${precision.toFixed(4).padStart(9)}  ${wrong.join(', ')}`,
  );
}

/** What a cell costs that holds no secret, all detectors on. */
const cells = [
  'plain words only',
  'name 1234',
  'Berlin, Germany',
  '2024-05-06 07:08:09.123456+00',
  'order 4711 of 2024',
].map((text) => Buffer.from(text));
if (all !== null) {
  const rounds = 400_000;
  console.log('');
  for (const cell of cells) {
    for (let count = 0; count < rounds / 4; count++) findSpans(cell, 0, cell.length, all);
    const started = process.cpuUsage();
    for (let count = 0; count < rounds; count++) findSpans(cell, 0, cell.length, all);
    const microseconds = process.cpuUsage(started).user / rounds;
    console.log(`${microseconds.toFixed(3)} µs  ${cell.toString()}`);
  }
}
