import { createPostgresAnalyser } from '../../analysis/postgres.js';
import { faultOf } from '../../analysis/faults.js';
import type { CatalogHandle, PostgresAnalyser, QueryAnalysis } from '../../analysis/postgres-types.js';
import { describeEffect, type Effect, plainFacts } from '../../analysis/effects.js';
import { defined } from '../../lib/defined.js';
import { treatmentFor } from '../../masking/treatment.js';
import { type Bundle, loadBundle } from '../bundle.js';
import { narrowClassification } from '../classification.js';
import { type CompiledPolicies, compilePolicies, type JudgedQuery } from '../decide.js';
import { placeAt, type Problem, ProblemList } from '../problems.js';
import { type DecisionQuery, noFacts } from '../types.js';
import { coverageOf, type Coverage } from './coverage.js';
import { declareCatalog, readSystemCatalog, type SystemCatalog } from './declared-catalog.js';
import type { DeclaredCatalog } from './fixture-schema.js';
import { type PolicyTest, readFixture } from './fixtures.js';
import { mismatches, type Outcome } from './mismatches.js';

/** What one test asked, what was answered, and where the two differ. */
export interface TestResult {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  readonly passed: boolean;
  readonly mismatches: readonly string[];
  readonly outcome: Outcome;
  readonly durationMs: number;
}

export type TestReport =
  | { readonly ok: false; readonly problems: readonly Problem[] }
  | { readonly ok: true; readonly results: readonly TestResult[]; readonly coverage: Coverage };

export interface TestRun {
  readonly files: ReadonlyMap<string, string>;
  /** Only tests whose name or file contains this; null: all. */
  readonly filter?: string | null;
}

/** Judges every policies/*.test.yaml of a bundle by the bundle's own policies. Nothing is contacted. */
export async function runPolicyTests({ files, filter = null }: TestRun): Promise<TestReport> {
  const loaded = loadBundle(files);
  if (!loaded.ok) return { ok: false, problems: loaded.problems };
  const { bundle } = loaded;
  const problems = new ProblemList();
  const tests = [...bundle.files]
    .filter(([path]) => path.endsWith('.test.yaml'))
    .flatMap(([path, text]) => readFixture(path, text, bundle, problems));
  if (problems.hasErrors) return { ok: false, problems: problems.all };
  const chosen = tests.filter(({ name, file }) => filter === null || name.includes(filter) || file.includes(filter));
  const analyser = createPostgresAnalyser({ workers: 1 });
  try {
    return { ok: true, ...(await runAll(chosen, bundle, new Judge(bundle, analyser, await readSystemCatalog()))) };
  } finally {
    await analyser.close();
  }
}

async function runAll(tests: readonly PolicyTest[], bundle: Bundle, judge: Judge) {
  const results: TestResult[] = [];
  const used = new Set<string>();
  for (const test of tests) {
    const started = performance.now();
    const { outcome, determining } = await judge.outcomeOf(test);
    for (const id of determining) used.add(id);
    const wrong = mismatches(test.expect, outcome);
    results.push({
      file: test.file,
      line: test.place.line,
      name: test.name,
      passed: wrong.length === 0,
      mismatches: wrong,
      outcome,
      durationMs: performance.now() - started,
    });
  }
  const placeOf = ({ source }: Bundle['policies'][number]): number =>
    placeAt(bundle.files.get(source.file) ?? '', source.offset).line;
  return { results, coverage: coverageOf(bundle.policies, used, placeOf) };
}

/** The moment of a test that does not give one: a Wednesday noon. */
const ordinaryMoment = Date.parse('2026-01-07T12:00:00Z');

class Judge {
  readonly #bundle: Bundle;
  readonly #analyser: PostgresAnalyser;
  readonly #system: SystemCatalog;
  readonly #policies: CompiledPolicies;
  readonly #catalogs = new Map<string, Promise<CatalogHandle>>();
  #now = ordinaryMoment;

  constructor(bundle: Bundle, analyser: PostgresAnalyser, system: SystemCatalog) {
    this.#bundle = bundle;
    this.#analyser = analyser;
    this.#system = system;
    this.#policies = compilePolicies(bundle, { now: () => this.#now });
  }

  async outcomeOf(test: PolicyTest): Promise<{ readonly outcome: Outcome; readonly determining: readonly string[] }> {
    const { subject, context, principal, target } = test;
    this.#now = context?.at === undefined ? ordinaryMoment : Date.parse(context.at);
    const ask: Omit<DecisionQuery, 'effects'> = {
      principal,
      target,
      approvals: context?.approvals ?? [],
      reason: context?.reason ?? null,
      session: { ...noFacts, ...defined(context?.session ?? {}) },
      identity: { ...noFacts, ...defined(context?.identity ?? {}) },
      signals: context?.signals ?? [],
    };
    if (subject.type === 'effects') return this.#judged(this.#policies.judge({ ...ask, effects: subject.effects }), []);
    const catalog = await this.#catalogOf(test.file, target, subject.catalog);
    const analysis = await this.#analyser.analyse(subject.text, catalog);
    const fault = faultOf(analysis);
    if (fault !== null || !analysis.ok) {
      const message = fault?.message ?? '';
      const outcome: Outcome = {
        verdict: 'deny',
        policies: [],
        approvals: [],
        message,
        shadow: 'deny',
        effects: [],
        masked: [],
      };
      return { outcome, determining: [] };
    }
    const effects = analysis.statements.flatMap((statement) => statement.effects);
    return this.#judged(
      this.#policies.judge({ ...ask, effects }),
      this.#masked(analysis, catalog, { ...ask, effects: [] }),
    );
  }

  /** One a file and target: to load one takes longer than to judge a statement. */
  #catalogOf(file: string, target: PolicyTest['target'], declared: DeclaredCatalog): Promise<CatalogHandle> {
    const key = `${file} ${target.name}`;
    const known = this.#catalogs.get(key);
    if (known !== undefined) return known;
    const raw = declareCatalog(declared, target.database, this.#system);
    const loading = this.#analyser.loadCatalog(raw, narrowClassification(this.#bundle.classification, target));
    this.#catalogs.set(key, loading);
    return loading;
  }

  #judged({ decision, judgements }: JudgedQuery, masked: readonly string[]) {
    const outcome: Outcome = {
      verdict: decision.verdict,
      policies: decision.policies,
      approvals: decision.verdict === 'hold' ? decision.approvals.map(({ group }) => group) : [],
      message: decision.verdict === 'allow' ? '' : decision.message,
      shadow: decision.shadow?.verdict ?? decision.verdict,
      effects: judgements.map(({ effect, outcome: verdict, policies }) => ({
        effect: describeEffect(effect),
        verdict: verdict === 'fault' ? 'deny' : verdict,
        policies: policies.map(({ id }) => id),
      })),
      masked,
    };
    const determining = judgements.flatMap(({ policies }) => policies.map(({ id }) => id));
    return { outcome, determining: [...determining, ...(decision.shadow?.policies ?? [])] };
  }

  /** Names of the output columns that this principal would not see in clear. */
  #masked(analysis: QueryAnalysis & { ok: true }, catalog: CatalogHandle, ask: DecisionQuery): readonly string[] {
    const { classification } = this.#bundle;
    const root = [ask.target?.name ?? '', catalog.database];
    const reveal = {
      isRevealed: (source: { schema: string; table: string; column: string; class: string }): boolean => {
        const effect: Effect = {
          action: 'reveal',
          resource: { type: 'Column', path: [...root, source.schema, source.table, source.column] },
          facts: { ...plainFacts, class: source.class },
        };
        return this.#policies.reveals(ask, [effect])[0] ?? false;
      },
      everything: false,
    };
    return analysis.statements.flatMap(({ output }) =>
      output === null || output === 'unknown'
        ? []
        : output
            .filter(
              (lineage) =>
                treatmentFor({ origin: undefined, lineage }, classification, reveal).treatment.kind !== 'clear',
            )
            .map(({ name }) => name),
    );
  }
}
