/** Random queries over the shop with a fixed seed: compositions that no list of forms would hold. */

/** mulberry32: small, fast, the same everywhere. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Kind = 'text' | 'int';
interface Column {
  readonly sql: string;
  readonly kind: Kind;
}
interface Relation {
  readonly sql: string;
  readonly columns: readonly { readonly name: string; readonly kind: Kind }[];
}

const text = (...names: readonly string[]) => names.map((name) => ({ name, kind: 'text' as const }));
const int = (...names: readonly string[]) => names.map((name) => ({ name, kind: 'int' as const }));

const tables: readonly Relation[] = [
  { sql: 'customers', columns: [...int('id'), ...text('name', 'email', 'phone', 'city')] },
  { sql: 'employees', columns: [...int('id', 'salary', 'bonus'), ...text('name', 'dept')] },
  { sql: 'orders', columns: [...int('id', 'customer_id'), ...text('status')] },
  { sql: 'payments', columns: [...int('id', 'order_id'), ...text('card_number')] },
  { sql: 'contacts', columns: [...int('id'), ...text('contact', 'lowered')] },
  { sql: 'nested', columns: text('c2', 'name') },
  { sql: 'people', columns: [...int('id'), ...text('ssn', 'region')] },
  { sql: 'rows_of(3)', columns: [...int('x'), ...text('y')] },
  { sql: 'peeks()', columns: [...text('e'), ...int('i')] },
];

class QueryGenerator {
  readonly #random: () => number;
  #names = 0;

  constructor(seed: number) {
    this.#random = random(seed);
  }

  query(depth: number): Relation {
    const kinds: readonly Kind[] = this.#chance(0.5) ? ['int', 'text'] : ['text', 'int', 'text'];
    if (depth > 0 && this.#chance(0.2)) {
      const op = this.#pick(['UNION ALL', 'UNION ALL', 'UNION', 'EXCEPT', 'INTERSECT ALL']);
      const left = this.#select(depth - 1, kinds);
      return { sql: `${left.sql} ${op} ${this.#select(depth - 1, kinds).sql}`, columns: left.columns };
    }
    return this.#select(depth, kinds);
  }

  #select(depth: number, kinds: readonly Kind[]): Relation {
    const from = this.#from(depth);
    const columns = kinds.map((kind) => ({ name: `k${this.#names++}`, kind }));
    const targets = columns.map(({ name, kind }) => `${this.#expression(kind, from.columns, depth)} AS ${name}`);
    const where = this.#chance(0.3) ? ` WHERE ${this.#expression('int', from.columns, 0)} > ${this.#number()}` : '';
    const order = this.#chance(0.2) ? ` ORDER BY ${this.#expression('int', from.columns, 0)}` : '';
    const sql = `SELECT ${targets.join(', ')} FROM ${from.sql}${where}${order}`;
    return { sql: order === '' ? sql : `(${sql})`, columns };
  }

  #from(depth: number): { readonly sql: string; readonly columns: readonly Column[] } {
    const first = this.#member(depth);
    if (!this.#chance(0.4)) return first;
    const second = this.#member(depth);
    const on = this.#chance(0.8) ? 'true' : `${this.#expression('int', [...first.columns, ...second.columns], 0)} < 3`;
    return {
      sql: `${first.sql} ${this.#pick(['JOIN', 'LEFT JOIN'])} ${second.sql} ON ${on}`,
      columns: [...first.columns, ...second.columns],
    };
  }

  #member(depth: number): { readonly sql: string; readonly columns: readonly Column[] } {
    const alias = `t${this.#names++}`;
    const relation = depth > 0 && this.#chance(0.5) ? this.#subquery(depth - 1) : this.#pick(tables);
    const renamed = this.#chance(0.3);
    const names = relation.columns.map((column) => (renamed ? `r${this.#names++}` : column.name));
    const isWhole = tables.includes(relation);
    // A table has more columns than are listed here, so only what is listed whole can be renamed by position.
    const canRename = renamed && (!isWhole || relation.sql.endsWith(')'));
    const own = canRename ? names : relation.columns.map((column) => column.name);
    const columns = relation.columns.map((column, index) => ({ sql: `${alias}.${own[index]}`, kind: column.kind }));
    return { sql: `${relation.sql} AS ${alias}${canRename ? `(${own.join(', ')})` : ''}`, columns };
  }

  #subquery(depth: number): Relation {
    const inner = this.query(depth);
    return { sql: `(${inner.sql})`, columns: inner.columns };
  }

  #expression(kind: Kind, columns: readonly Column[], depth: number): string {
    const leaf = (wanted: Kind): string => {
      const usable = columns.filter((column) => column.kind === wanted);
      return usable.length === 0 || this.#chance(0.1)
        ? wanted === 'int'
          ? String(this.#number())
          : "'k'"
        : this.#pick(usable).sql;
    };
    const inner = (wanted: Kind): string =>
      this.#chance(0.5) ? leaf(wanted) : this.#expression(wanted, columns, Math.max(0, depth - 1));
    if (this.#chance(0.4)) return leaf(kind);
    const nested = depth > 0 && this.#chance(0.2);
    if (nested) return `(SELECT ${kind === 'int' ? 'max' : 'min'}(${leaf(kind)}) FROM ${this.#member(0).sql})`;
    return kind === 'int' ? this.#numberExpression(inner) : this.#text(inner);
  }

  #numberExpression(inner: (kind: Kind) => string): string {
    return this.#pick([
      () => `length(${inner('text')})`,
      () => `(${inner('int')} + ${inner('int')})`,
      () => `(${inner('int')} * 2)`,
      () => `(${inner('int')} / ${inner('int')})`,
      () => `coalesce(${inner('int')}, ${inner('int')})`,
      () => `CASE WHEN ${inner('int')} > 2 THEN ${inner('int')} ELSE ${inner('int')} END`,
      () => `(${inner('text')} = ${inner('text')})::int`,
      () => `strpos(${inner('text')}, '1')`,
      () => `plus_one(${inner('int')})`,
      () => `position('5' in ${inner('text')})`,
    ])();
  }

  #text(inner: (kind: Kind) => string): string {
    return this.#pick([
      () => `upper(${inner('text')})`,
      () => `(${inner('text')} || ${inner('text')})`,
      () => `${inner('int')}::text`,
      () => `left(${inner('text')}, ${inner('int')})`,
      () => `substr(${inner('text')}, 2, 3)`,
      () => `coalesce(nullif(${inner('text')}, 'user1@x.io'), ${inner('text')})`,
      () => `CASE WHEN ${inner('text')} > 'm' THEN ${inner('text')} END`,
      () => `concat(${inner('text')}, ${inner('int')})`,
      () => `identity(${inner('text')})`,
      () => `opaque(${inner('text')})`,
      () => `peek(${inner('int')})`,
      () => `customer_email(${inner('int')})`,
      () => `format('%s-%s', ${inner('int')}, ${inner('text')})`,
      () => `greatest(${inner('text')}, ${inner('text')})`,
      () => `row_to_json(row(${inner('text')}, ${inner('int')}))::text`,
      () => `(ARRAY[${inner('text')}, 'x'])[1]`,
    ])();
  }

  #number(): number {
    return Math.floor(this.#random() * 6);
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined) throw new TypeError('nothing to pick from');
    return item;
  }
}

/** `count` queries, the same ones for the same seed. */
export function* generateQueries(count: number, seed: number): Generator<string> {
  const generator = new QueryGenerator(seed);
  for (let i = 0; i < count; i++) yield generator.query(2).sql;
}
