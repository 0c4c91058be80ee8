import { Counter, type Registry } from 'prom-client';

type Verdict = 'allow' | 'deny' | 'hold';

/** Upper bounds of the decision histogram in microseconds. */
const boundsUs = [1, 5, 25, 100, 250, 500, 1000, 5000, 25_000, 250_000];

/** Counts of what happens for every statement: an addition each, turned into metrics only when they are scraped. */
export class HotCounts {
  readonly #verdicts: Record<Verdict, number> = { allow: 0, deny: 0, hold: 0 };
  readonly #decisions = new Float64Array(boundsUs.length + 1);
  #decisionUs = 0;
  #rows = 0;
  #bytes = 0;

  constructor(registry: Registry) {
    const verdicts = this.#verdicts;
    const registers = [registry];
    const operations: Counter<'verdict'> = new Counter({
      name: 'sluice_operations_total',
      help: 'Operations judged, by verdict',
      labelNames: ['verdict'],
      registers,
      collect: () => {
        operations.reset();
        for (const verdict of ['allow', 'deny', 'hold'] as const) operations.inc({ verdict }, verdicts[verdict]);
      },
    });
    this.#total(registers, 'sluice_rows_total', 'Rows delivered to clients', () => this.#rows);
    this.#total(registers, 'sluice_result_bytes_total', 'Bytes of results delivered to clients', () => this.#bytes);
    this.#total(registers, 'sluice_decisions_total', 'Policy decisions, cached ones included', () =>
      this.#decisions.reduce((sum, count) => sum + count, 0),
    );
    this.#total(
      registers,
      'sluice_decision_seconds_total',
      'Time spent in policy decisions',
      () => this.#decisionUs / 1e6,
    );
    const slow: Counter<'over_us'> = new Counter({
      name: 'sluice_decisions_slower_total',
      help: 'Policy decisions that took longer than so many microseconds',
      labelNames: ['over_us'],
      registers,
      collect: () => {
        slow.reset();
        let slower = 0;
        for (let i = boundsUs.length - 1; i >= 0; i--) {
          slower += this.#decisions[i + 1] ?? 0;
          slow.inc({ over_us: String(boundsUs[i]) }, slower);
        }
      },
    });
  }

  countVerdict(verdict: Verdict, microseconds: number): void {
    this.#verdicts[verdict]++;
    this.#decisionUs += microseconds;
    let bucket = 0;
    while (bucket < boundsUs.length && microseconds > (boundsUs[bucket] ?? 0)) bucket++;
    this.#decisions[bucket] = (this.#decisions[bucket] ?? 0) + 1;
  }

  countResult(rows: number, bytes: number): void {
    this.#rows += rows;
    this.#bytes += bytes;
  }

  #total(registers: Registry[], name: string, help: string, read: () => number): void {
    const counter: Counter = new Counter({
      name,
      help,
      registers,
      collect: () => {
        counter.reset();
        counter.inc(read());
      },
    });
  }
}
