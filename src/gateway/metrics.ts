import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { PostgresAnalyser } from '../analysis/postgres-types.js';
import type { SessionEvent } from '../recording/events.js';
import { HotCounts } from './hot-counts.js';

const quickBuckets = [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1];

/** What a Prometheus scrapes. A registry a gateway, so that two in one process do not share counts. */
export class GatewayMetrics {
  readonly registry = new Registry();
  /** What every statement counts is kept in plain numbers and handed over when it is scraped. */
  readonly #hot = new HotCounts(this.registry);
  readonly #sessions = new Counter({
    name: 'sluice_sessions_total',
    help: 'Sessions opened, by way in',
    labelNames: ['via'],
    registers: [this.registry],
  });
  readonly #live = new Gauge({ name: 'sluice_sessions_live', help: 'Sessions open now', registers: [this.registry] });
  readonly #errors = new Counter({
    name: 'sluice_session_errors_total',
    help: 'Errors in sessions, by who decided',
    labelNames: ['decider'],
    registers: [this.registry],
  });
  readonly #analysis = new Histogram({
    name: 'sluice_analysis_seconds',
    help: 'Time to analyse a statement that was not cached',
    buckets: quickBuckets,
    registers: [this.registry],
  });
  readonly #requests = new Histogram({
    name: 'sluice_http_request_seconds',
    help: 'Time of an API request',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.25, 1, 5, 30, 120],
    registers: [this.registry],
  });

  /** A number that is read when it is scraped. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.registry],
      collect(this: Gauge): void {
        this.set(read());
      },
    });
    gauge.set(0);
  }

  observeRequest(method: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ method, route, status: String(status) }, seconds);
  }

  /** Counts what journals hear. */
  observeEvent(event: SessionEvent): void {
    switch (event.type) {
      case 'open':
        this.#sessions.inc({ via: event.client.via });
        this.#live.inc();
        return;
      case 'result':
        this.#hot.countResult(event.rowCount, event.byteCount);
        return;
      case 'error':
        this.#errors.inc({ decider: event.decider });
        return;
      case 'end':
        this.#live.dec();
        return;
      case 'operation':
      case 'decision':
      case 'approval':
      case 'columns':
      case 'rows':
      case 'notice':
      case 'terminal':
      case 'file':
        return;
    }
  }

  /** Counts a final verdict and the time it took to decide. */
  observeVerdict(verdict: 'allow' | 'deny' | 'hold', microseconds: number): void {
    this.#hot.countVerdict(verdict, microseconds);
  }

  /** The same analyser, timed. */
  timedAnalyser(analyser: PostgresAnalyser): PostgresAnalyser {
    const histogram = this.#analysis;
    return {
      cached: (sql, catalog) => analyser.cached(sql, catalog),
      alike: (sql, catalog) => analyser.alike(sql, catalog),
      async analyse(sql, catalog) {
        const stop = histogram.startTimer();
        try {
          return await analyser.analyse(sql, catalog);
        } finally {
          stop();
        }
      },
      loadCatalog: (raw, classification) => analyser.loadCatalog(raw, classification),
      close: () => analyser.close(),
    };
  }
}
