import type { CatalogHandle, OutputColumn, ProtectedColumn, StatementAnalysis } from '../../analysis/postgres-types.js';
import { plainFacts, type Effect } from '../../analysis/effects.js';
import { SluiceError } from '../../lib/errors.js';
import { createRowMasker } from '../../masking/row-masker.js';
import { treatmentFor, type Reveal } from '../../masking/treatment.js';
import type { Classification, RowMasker, WireColumn } from '../../masking/types.js';
import type { ColumnsEvent } from '../../recording/events.js';
import type { SessionGate } from '../../sessions/gate.js';
import { FieldReader } from './frames.js';

/** How one result's rows reach the client. */
export interface ResultPlan {
  /** The RowDescription payload this was made from, to recognise the same result again. */
  readonly description: Buffer;
  readonly columns: readonly WireColumn[];
  /** Null when rows pass as they are. */
  readonly masker: RowMasker | null;
  readonly masked: readonly string[];
  readonly recorded: ColumnsEvent['columns'];
  /** Protected columns whose values go out in clear with the rows, as `reveal` effects. */
  readonly revealed: readonly Effect[];
  /** Columns whose origin is protected although lineage says clear: the analysis is wrong. */
  readonly disagreements: readonly string[];
  /** A column of a relation that the catalog does not know: it must be read again. */
  readonly staleCatalog: boolean;
}

export interface MaskingSetup {
  readonly classification: Classification;
  readonly hashKey: Buffer;
  readonly targetName: string;
  readonly gate: SessionGate;
}

interface DescribedField {
  readonly name: string;
  readonly tableOid: number;
  readonly attribute: number;
  readonly typeOid: number;
  readonly format: 0 | 1;
}

/**
 * RowDescription: Int16(n), then per field String(name) Int32(table OID) Int16(attribute) Int32(type OID) Int16(size)
 * Int32(modifier) Int16(format). PostgreSQL 55.7.
 */
function decodeDescription(payload: Buffer): readonly DescribedField[] {
  const reader = new FieldReader(payload);
  const count = reader.int16();
  if (count < 0) throw new SluiceError('protocol', 'negative field count');
  const fields: DescribedField[] = [];
  for (let i = 0; i < count; i++) {
    const name = reader.rawString().toString('utf8');
    const tableOid = reader.uint32();
    const attribute = reader.int16();
    const typeOid = reader.uint32();
    reader.int16();
    reader.int32();
    const format = reader.int16();
    if (format !== 0 && format !== 1) throw new SluiceError('protocol', `unknown format code ${format}`);
    fields.push({ name, tableOid, attribute, typeOid, format });
  }
  reader.end();
  return fields;
}

/** Decides every column of a described result: by lineage, by origin, by what may be revealed. */
export function planResult(
  payload: Buffer,
  statement: StatementAnalysis,
  catalog: CatalogHandle,
  setup: MaskingSetup,
): ResultPlan {
  const fields = decodeDescription(payload);
  const { output } = statement;
  const lineage = Array.isArray(output) && output.length === fields.length ? (output as readonly OutputColumn[]) : null;
  const disagreements: string[] = [];
  let staleCatalog = false;
  const reveal = revealFor(catalog, setup);
  const revealed: Effect[] = [];
  const columns = fields.map((field, i): WireColumn => {
    const known = field.tableOid === 0 || catalog.knownRelations.has(field.tableOid);
    if (!known) staleCatalog = true;
    const { treatment, disagrees } = treatmentFor(
      {
        origin: catalog.protectedOrigins.get(`${field.tableOid}.${field.attribute}`),
        lineage: known ? lineage?.[i] : 'unknown',
      },
      setup.classification,
      reveal,
    );
    if (disagrees) disagreements.push(field.name);
    const asked = reveal.take();
    if (treatment.kind === 'clear') revealed.push(...asked);
    return { name: field.name, typeOid: field.typeOid, format: field.format, treatment };
  });
  return {
    description: payload,
    columns,
    masker: createRowMasker(columns, setup.classification.detectors, setup.hashKey),
    masked: columns.filter((column) => column.treatment.kind !== 'clear').map((column) => column.name),
    recorded: columns.map(({ name, typeOid, format, treatment }) => ({
      name,
      typeOid,
      format,
      masked: treatment.kind !== 'clear',
    })),
    revealed,
    disagreements,
    staleCatalog,
  };
}

/** Whether both show the same columns in the same way. */
export function isTreatedAlike(one: ResultPlan, other: ResultPlan): boolean {
  return JSON.stringify(one.columns) === JSON.stringify(other.columns);
}

/** What policy answered about `reveal`. */
export interface AskedReveal extends Reveal {
  /** The columns it said yes to since the last call: those of one result column, when called after each. */
  take(): readonly Effect[];
}

/** Asks policy for `reveal` lazily, once a source. A target without protected columns has nothing to hide. */
export function revealFor(catalog: CatalogHandle, setup: MaskingSetup): AskedReveal {
  const asked = new Map<string, boolean>();
  let taken: Effect[] = [];
  return {
    isRevealed(source) {
      const key = JSON.stringify([source.schema, source.table, source.column, source.class]);
      const effect = revealEffect(setup.targetName, catalog.database, source);
      let revealed = asked.get(key);
      if (revealed === undefined) {
        revealed = setup.gate.reveals([effect])[0] ?? false;
        asked.set(key, revealed);
      }
      if (revealed) taken.push(effect);
      return revealed;
    },
    get everything() {
      for (const origin of catalog.protectedOrigins.values()) {
        if (!origin.sources.every((source) => this.isRevealed(source))) return false;
      }
      return true;
    },
    take() {
      const since = taken;
      taken = [];
      return since;
    },
  };
}

export function revealEffect(target: string, database: string, source: ProtectedColumn): Effect {
  return {
    action: 'reveal',
    resource: { type: 'Column', path: [target, database, source.schema, source.table, source.column] },
    facts: { ...plainFacts, class: source.class },
  };
}
