import { createDraw, type Draw } from '../support/draw.js';
import { aliases, fromFunctions, pool, quoted, scalars, tables, withBefore, type Shape } from './name-pool.js';

/**
 * Statements in which few names stand for many columns: FROM clauses of every form one inside the other, and select lists
 * that take columns out of them by name, by place and as fields of rows. What columns a member of FROM has is a guess,
 * so that most statements are accepted; the server says what they mean.
 */

interface Member {
  readonly sql: string;
  /** '' for one that no name qualifies. */
  readonly alias: string;
  readonly columns: readonly string[];
}
type Level = readonly Member[];

class NameGenerator {
  readonly #draw: Draw;
  readonly #major: number;
  /** Common table expressions that can be named where the generator is now. */
  #ctes: readonly Shape[] = [];

  constructor(seed: number, major: number) {
    this.#draw = createDraw(seed);
    this.#major = major;
  }

  statement(): string {
    const kind = this.#draw.between(1, 20);
    const depth = this.#draw.between(0, 2);
    if (kind <= 2) return `${this.#with([], true)}${this.#written([]).sql}`;
    if (kind <= 4) return withBefore(this.#with([], true), this.#query([], depth).sql);
    if (kind <= 6) return this.#query([], depth).sql;
    // Behind a name that an inner level does not have stands the outer one, which is harmless or protected.
    const table = this.#draw.pick(['n0', 'n9', 'n10']);
    const columns = table === 'n10' ? [...pool, 'ctid'] : pool;
    const outer = { sql: `${table} AS o`, alias: 'o', columns };
    if (kind <= 9) return `SELECT (SELECT ${this.#probe([[outer]], depth)} LIMIT 1) FROM ${outer.sql}`;
    if (kind <= 13) return `SELECT s.* FROM ${outer.sql}, LATERAL (${this.#query([[outer]], depth).sql}) AS s`;
    const targets = Array.from({ length: this.#draw.between(1, 2) }, () => this.#subquery([[outer]], depth).sql);
    return `SELECT ${targets.join(', ')} FROM ${outer.sql}`;
  }

  /** One name, over what may or may not have a column of it. */
  #probe(levels: readonly Level[], depth: number): string {
    if (this.#one(6)) {
      const { sql, columns } = this.#draw.pick(tables);
      const { list } = this.#columnList(columns, 1);
      return `(q.t).${this.#draw.pick(columns)} FROM (SELECT y AS t FROM ${sql} AS y${list}) AS q`;
    }
    const { sql, alias } = this.#member(levels, depth);
    const name = alias !== '' && this.#one(3) ? alias : this.#draw.pick([...pool, 'ctid', 'ctid']);
    return `${name} FROM ${sql}`;
  }

  /** WITH, or nothing; writes stand in that of the outermost query alone. */
  #with(levels: readonly Level[], outermost: boolean): string {
    const recursive = this.#one(4);
    const parts: string[] = [];
    for (let count = this.#draw.between(1, 2); count > 0; count--) {
      const name = this.#draw.pick(['r', 's', 'n1', 'n2', 'a']);
      if (this.#ctes.some((cte) => cte.sql === name)) continue;
      const inner = outermost && this.#one(4) ? this.#written([]) : this.#cteBody(levels, recursive ? name : '');
      const columns = this.#columnList(inner.columns, 3);
      parts.push(`${name}${columns.list} AS (${inner.sql})`);
      this.#ctes = [...this.#ctes, { sql: name, columns: columns.names }];
    }
    return parts.length === 0 ? '' : `WITH ${recursive ? 'RECURSIVE ' : ''}${parts.join(', ')} `;
  }

  #cteBody(levels: readonly Level[], recursive: string): Shape {
    const inner = this.#query(levels, 1);
    if (recursive === '' || this.#one(2) || inner.columns.length === 0) return inner;
    const again = inner.columns.map((column) => `q.${quoted(column)}`).join(', ');
    const sql = `(${inner.sql}) UNION ALL SELECT ${again} FROM ${recursive} q WHERE false`;
    return { sql, columns: inner.columns };
  }

  /** A write with RETURNING. */
  #written(levels: readonly Level[]): Shape {
    const alias = this.#draw.pick(['x', 'a', 'b', 'n2']);
    const target = { sql: `n1 AS ${alias}`, alias, columns: ['a', 'b', 'c'] };
    const versions = ['old', 'new'].map((version) => ({ ...target, alias: version, sql: '' }));
    const own = this.#major >= 18 && this.#one(3) ? [target, ...versions] : [target];
    const level = (...more: readonly Member[]) => [[...own, ...more], ...levels];
    const kind = this.#draw.between(1, this.#major >= 17 ? 4 : 3);
    if (kind === 1) {
      const { sql, columns } = this.#targets(level(), 1);
      const conflict = this.#one(3) ? ' ON CONFLICT DO NOTHING' : '';
      return { sql: `INSERT INTO ${target.sql} (c, a) VALUES ('p', 'q')${conflict} RETURNING ${sql}`, columns };
    }
    const other = this.#member(levels, 1, alias);
    const { sql, columns } = this.#targets(level(other), 1);
    if (kind === 2)
      return { sql: `UPDATE ${target.sql} SET c = 'p' FROM ${other.sql} WHERE true RETURNING ${sql}`, columns };
    if (kind === 3) return { sql: `DELETE FROM ${target.sql} USING ${other.sql} RETURNING ${sql}`, columns };
    return {
      sql: `MERGE INTO ${target.sql} USING ${other.sql} ON false WHEN NOT MATCHED THEN INSERT (c) VALUES ('p') RETURNING ${sql}`,
      columns,
    };
  }

  #query(levels: readonly Level[], depth: number): Shape {
    const kind = this.#draw.between(1, 14);
    if (kind === 4 && depth > 0) {
      const known = this.#ctes;
      const ctes = this.#with(levels, false);
      const inner = this.#query(levels, depth - 1);
      this.#ctes = known;
      return { sql: withBefore(ctes, inner.sql), columns: inner.columns };
    }
    if (kind === 1 && depth > 0) return this.#setOperation(levels, depth);
    if (kind === 2) return this.#values(levels);
    if (kind === 3) {
      const table = this.#draw.pick([...tables, ...this.#ctes]);
      return { sql: `TABLE ${table.sql}`, columns: table.columns };
    }
    const from = this.#from(levels, depth);
    const targets = this.#targets([from, ...levels], depth);
    const members = from.map(({ sql }) => sql);
    const limit = this.#one(6) ? ' LIMIT 2' : '';
    return { sql: `SELECT ${targets.sql} FROM ${members.join(', ')}${limit}`, columns: targets.columns };
  }

  #setOperation(levels: readonly Level[], depth: number): Shape {
    const width = this.#draw.between(1, 3);
    const side = (): Shape => {
      const from = this.#from(levels, depth - 1);
      const targets = Array.from({ length: width }, () => this.#target([from, ...levels], depth - 1));
      return {
        sql: `SELECT ${targets.map(({ sql }) => sql).join(', ')} FROM ${from.map(({ sql }) => sql).join(', ')}`,
        columns: targets.flatMap(({ columns }) => columns),
      };
    };
    const left = side();
    return { sql: `${left.sql} UNION ALL ${side().sql}`, columns: left.columns };
  }

  #values(levels: readonly Level[]): Shape {
    const star = levels.length > 0 && this.#one(3) ? this.#draw.pick(levels[0] ?? []) : null;
    const first = star === null || star === undefined || star.alias === '' ? null : `${star.alias}.*`;
    const width = this.#draw.between(1, 3);
    const row = () => [
      ...(first === null ? [] : [first]),
      ...Array.from({ length: width }, () => this.#text(levels, 0).sql),
    ];
    const rows = Array.from({ length: this.#draw.between(1, 2) }, () => `(${row().join(', ')})`);
    const count = width + (first === null ? 0 : (star?.columns.length ?? 0));
    return { sql: `VALUES ${rows.join(', ')}`, columns: Array.from({ length: count }, (_, i) => `column${i + 1}`) };
  }

  #from(levels: readonly Level[], depth: number): Level {
    const first = this.#member(levels, depth);
    if (!this.#one(3)) return [first];
    const second = this.#member([[first], ...levels], depth, first.alias);
    return [first, second];
  }

  /** One member of FROM; `taken` is an alias that is not free. */
  #member(levels: readonly Level[], depth: number, taken = ''): Member {
    const kind = this.#draw.between(1, depth > 0 ? 16 : 9);
    if (kind <= 4) return this.#named(this.#draw.pick([...tables, ...this.#ctes, ...this.#ctes]), taken);
    if (kind <= 9) return this.#function(levels, taken);
    if (kind <= 12) return this.#join(levels, depth - 1, taken);
    const lateral = this.#one(2);
    const inner = this.#query(lateral ? levels : levels.slice(1), depth - 1);
    return this.#aliased(`${lateral ? 'LATERAL ' : ''}(${inner.sql})`, inner.columns, taken, true);
  }

  #named({ sql, columns }: Shape, taken: string): Member {
    if (sql !== taken && this.#one(2)) return { sql, alias: sql, columns };
    return this.#aliased(sql, columns, taken, true);
  }

  #aliased(sql: string, columns: readonly string[], taken: string, needed: boolean): Member {
    if (!needed && this.#one(3)) return { sql, alias: '', columns };
    const alias = this.#draw.pick(aliases.filter((name) => name !== taken));
    const { list, names } = this.#columnList(columns, 2);
    return { sql: `${sql} AS ${alias}${list}`, alias, columns: names };
  }

  /** `(p, q)` behind an alias, often shorter than what it names; one time in `rarely` at all. */
  #columnList(
    columns: readonly string[],
    rarely: number,
  ): { readonly list: string; readonly names: readonly string[] } {
    if (columns.length === 0 || !this.#one(rarely)) return { list: '', names: columns };
    const count = Math.min(this.#draw.between(1, columns.length), pool.length);
    const given: string[] = [];
    // Twice the same name is ambiguous wherever it is used.
    while (given.length < count) {
      const name = this.#draw.pick(pool);
      if (!given.includes(name) || this.#one(10)) given.push(name);
    }
    return { list: `(${given.join(', ')})`, names: columns.map((column, index) => given[index] ?? column) };
  }

  #join(levels: readonly Level[], depth: number, taken: string): Member {
    const left = this.#member(levels, depth, taken);
    const right = this.#member([[left], ...levels], depth, left.alias);
    const common = left.columns.filter((column) => right.columns.includes(column));
    const both = [...left.columns, ...right.columns];
    const pick = common.length > 0 || this.#one(10) ? this.#draw.between(1, 5) : 1;
    const using = this.#draw.pick(common.length > 0 ? common : pool);
    const merged = [using, ...both.filter((column) => column !== using)];
    const [condition, columns] =
      pick <= 2
        ? ['ON true', both]
        : pick === 3
          ? [`USING (${quoted(using)})`, merged]
          : pick === 4
            ? [`USING (${quoted(using)}) AS j`, merged]
            : ['', both];
    const natural = condition === '' ? 'NATURAL ' : '';
    const kind = this.#draw.pick(natural === '' && pick > 2 ? ['FULL', 'LEFT', 'FULL'] : ['INNER', 'LEFT', 'LEFT']);
    const sql = `${left.sql} ${natural}${kind} JOIN ${right.sql} ${condition}`;
    if (this.#one(2)) return this.#aliased(`(${sql})`, columns, taken, true);
    return { sql, alias: this.#draw.pick([left.alias, right.alias, pick === 4 ? 'j' : '']), columns };
  }

  #function(levels: readonly Level[], taken: string): Member {
    const usable = fromFunctions.filter(({ since }) => since === undefined || since <= this.#major);
    const shape = this.#draw.pick(usable);
    const sql = shape.sql
      .replaceAll('%e', () => this.#text(levels, 0).sql)
      .replaceAll('%r', () => this.#row(levels).sql)
      .replaceAll('%q', () => this.#query(levels.slice(0, 1), 0).sql);
    const lateral = this.#one(3) && shape.defined === undefined ? 'LATERAL ' : '';
    if (shape.defined !== undefined) {
      const names = shape.defined.map(() => this.#draw.pick(pool));
      const definitions = names.map((name) => `${name} text`).join(', ');
      if (this.#one(3)) {
        const other = this.#draw.pick(
          usable.filter(({ defined, plain, sql }) => defined === undefined && plain !== true && !/%|^ROWS/.test(sql)),
        );
        const ordinality = this.#one(2) ? ' WITH ORDINALITY' : '';
        const columns = [...names, ...other.columns, ...(ordinality === '' ? [] : ['ordinality'])];
        return this.#aliased(
          `ROWS FROM (${sql} AS (${definitions}), ${other.sql})${ordinality}`,
          columns,
          taken,
          false,
        );
      }
      const alias = this.#draw.pick(aliases.filter((name) => name !== taken));
      return { sql: `${sql} AS ${alias}(${definitions})`, alias, columns: names };
    }
    const ordinality = this.#one(4) && shape.plain !== true;
    const columns = ordinality ? [...shape.columns, 'ordinality'] : shape.columns;
    const member = this.#aliased(`${lateral}${sql}${ordinality ? ' WITH ORDINALITY' : ''}`, columns, taken, false);
    // The one column of a scalar goes by the alias.
    if (shape.scalar !== true || member.alias === '') return member;
    const [first = '', ...more] = member.columns;
    return { ...member, columns: [first === shape.columns[0] ? member.alias : first, ...more] };
  }

  #targets(levels: readonly Level[], depth: number): Shape {
    const count = this.#draw.between(1, 3);
    const all = Array.from({ length: count }, () => this.#target(levels, depth));
    if (this.#one(4)) all.splice(this.#draw.between(0, count - 1), 1, this.#star(levels));
    return { sql: all.map(({ sql }) => sql).join(', '), columns: all.flatMap(({ columns }) => columns) };
  }

  #star(levels: readonly Level[]): Shape {
    const level = levels[0] ?? [];
    if (this.#one(4)) {
      const { sql, columns } = this.#draw.pick(scalars.filter((call) => call.columns.length > 0));
      return { sql: `(${sql}).*`, columns };
    }
    const { alias, columns } = this.#draw.pick(level.length > 0 ? level : [{ sql: '', alias: '', columns: pool }]);
    if (alias === '' || this.#one(2)) return { sql: '*', columns: level.flatMap((member) => member.columns) };
    return { sql: this.#draw.pick([`${alias}.*`, `(${alias}).*`, `(${alias}.*).*`]), columns };
  }

  /** A column of a select list under the name that it has or gets. */
  #target(levels: readonly Level[], depth: number): Shape {
    const { sql, columns } = depth > 0 && this.#one(4) ? this.#subquery(levels, depth - 1) : this.#text(levels, depth);
    if (this.#one(2)) return { sql, columns };
    const name = this.#draw.pick(pool);
    return { sql: `${sql} AS ${name}`, columns: [name] };
  }

  #subquery(levels: readonly Level[], depth: number): Shape {
    if (this.#one(8)) {
      const inner = this.#query(levels, depth);
      if (inner.columns.length === 1)
        return { sql: `(SELECT * FROM (${inner.sql}) AS s LIMIT 1)`, columns: inner.columns };
    }
    const from = this.#from(levels, depth);
    const { sql, columns } = this.#target([from, ...levels], depth);
    return { sql: `(SELECT ${sql} FROM ${from.map((member) => member.sql).join(', ')} LIMIT 1)`, columns };
  }

  /** An expression, of type text as a rule, and what it is called where nothing else names it. */
  #text(levels: readonly Level[], depth: number): Shape {
    const call = (name: string, ...parts: readonly string[]): Shape => ({
      sql: `${name}(${parts.join(', ')})`,
      columns: [name],
    });
    const name = () => this.#name(levels).sql;
    const row = () => this.#row(levels);
    switch (this.#draw.between(1, 27)) {
      case 1:
        return call('upper', name());
      case 2:
        return call('coalesce', `${name()}::text`, "'k'");
      case 3:
        return call('concat', name(), "'k'");
      case 4:
        return call('nullif', `${name()}::text`, "'never'");
      case 5:
        return { sql: `(ARRAY[${name()}::text, 'k'])[1]`, columns: ['array'] };
      case 6:
        return { sql: `(${row().sql})::text`, columns: ['text'] };
      case 7:
      case 8:
        return this.#field(row());
      case 9:
        return { sql: `(ROW(${row().sql}, ${name()})).f2`, columns: ['f2'] };
      case 10: {
        const { sql, columns } = row();
        const field = this.#draw.pick([...columns, ...columns, 'a', 'b', 'c', 'd', 'f1', 'rest']);
        return call(quoted(field), sql);
      }
      case 11: {
        const { sql } = row();
        const field = this.#draw.pick(['rest', 'd', 'c', 'f1']);
        return { sql: `${sql}.${field}`, columns: [field] };
      }
      case 12: {
        const { sql, columns } = this.#draw.pick(scalars);
        return columns.length > 0 && !this.#one(6)
          ? this.#field({ sql, columns })
          : { sql, columns: [sql.replace(/\(.*/, '')] };
      }
      case 13: {
        const { sql, columns } = row();
        const at = this.#draw.between(1, columns.length + 1);
        return { sql: `(ROW(${sql}.*, ${name()})).f${at}`, columns: [`f${at}`] };
      }
      case 14:
        return depth > 0 ? this.#subquery(levels, depth - 1) : this.#name(levels);
      case 15:
        if (depth === 0) return { sql: `${name()}::plain`, columns: ['plain'] };
        return { sql: `ARRAY${this.#subquery(levels, depth - 1).sql}::text`, columns: ['array'] };
      case 16: {
        const { sql, columns } = row();
        return this.#field({ sql: `same(${sql})`, columns });
      }
      case 17:
        return this.#field({ sql: name(), columns: ['a', 'b', 'c'] });
      case 18: {
        const { sql } = row();
        return { sql, columns: [sql] };
      }
      default:
        return this.#name(levels);
    }
  }

  #field({ sql, columns }: Shape): Shape {
    const name = columns.length === 0 || this.#one(4) ? this.#draw.pick(pool) : this.#draw.pick(columns);
    return { sql: `(${sql}).${quoted(name)}`, columns: [name] };
  }

  #name(levels: readonly Level[]): Shape {
    const level = this.#one(3) && levels.length > 0 ? this.#draw.pick(levels) : (levels[0] ?? []);
    const shown = (name: string): Shape => ({ sql: name, columns: [name] });
    if (level.length === 0 || this.#one(4))
      return this.#one(12)
        ? { sql: 'tableoid::text', columns: ['tableoid'] }
        : shown(this.#draw.pick([...pool, 'ctid', 'ctid']));
    const { alias, columns } = this.#draw.pick(level);
    if (alias !== '' && this.#one(16)) return { sql: alias, columns: [alias] };
    const column = columns.length === 0 || this.#one(16) ? this.#draw.pick(pool) : this.#draw.pick(columns);
    const isAmbiguous = level.filter((member) => member.columns.includes(column)).length > 1;
    const isQualified = alias !== '' && (isAmbiguous ? !this.#one(8) : this.#one(2));
    return { sql: isQualified ? `${alias}.${quoted(column)}` : quoted(column), columns: [column] };
  }

  /** A whole row: of a member of FROM, or of what is inside. */
  #row(levels: readonly Level[]): Shape {
    const level = this.#one(4) && levels.length > 0 ? this.#draw.pick(levels) : (levels[0] ?? []);
    const named = [...level, ...levels.flat()].filter(({ alias }) => alias !== '');
    const [first] = named;
    if (first === undefined) return { sql: 'n1', columns: ['a', 'b', 'c'] };
    const { alias, columns } = this.#one(2) ? first : this.#draw.pick(named);
    return { sql: this.#one(8) ? `(SELECT ${alias})` : alias, columns };
  }

  #one(of: number): boolean {
    return this.#draw.between(1, of) === 1;
  }
}

/** The statement of a seed, always the same one for servers of the same major. */
export function nameStatement(seed: number, major: number): string {
  return new NameGenerator(seed, major).statement();
}
