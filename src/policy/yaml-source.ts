import { isMap, isNode, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import type { z } from 'zod';
import { fileStart, type Place, placeAt, type ProblemList, suggest } from './problems.js';

export type YamlPath = readonly (string | number)[];

/** A parsed YAML file that still knows where every value stands. */
export class YamlSource {
  readonly file: string;
  readonly #text: string;
  readonly #document: Document;
  readonly #problems: ProblemList;

  private constructor(file: string, text: string, document: Document, problems: ProblemList) {
    this.file = file;
    this.#text = text;
    this.#document = document;
    this.#problems = problems;
  }

  /** Parses YAML 1.2; null when it is not well-formed. Duplicate keys are errors. */
  static parse(file: string, text: string, problems: ProblemList): YamlSource | null {
    const document = parseDocument(text, {
      uniqueKeys: true,
      strict: true,
      lineCounter: new LineCounter(),
      prettyErrors: false,
    });
    for (const error of document.errors) problems.add('error', file, placeAt(text, error.pos[0]), tidy(error.message));
    for (const warning of document.warnings)
      problems.add('warning', file, placeAt(text, warning.pos[0]), tidy(warning.message));
    return document.errors.length > 0 ? null : new YamlSource(file, text, document, problems);
  }

  report(severity: 'error' | 'warning', path: YamlPath, message: string, hint: string | null = null): void {
    this.#problems.add(severity, this.file, this.place(path), message, hint);
  }

  /** Reports at a map's key rather than its value. */
  reportKey(path: YamlPath, key: string, message: string, hint: string | null = null): void {
    this.#problems.add('error', this.file, this.#placeOfKey(path, key), message, hint);
  }

  /** Where the value at this path stands, or else the nearest thing around it. */
  place(path: YamlPath): Place {
    for (let length = path.length; length >= 0; length--) {
      const node = this.#nodeAt(path.slice(0, length));
      if (node?.range) return placeAt(this.#text, node.range[0]);
    }
    return fileStart;
  }

  /** The file's value through its schema; null, with every problem reported, when it does not fit. */
  read<S extends z.ZodType>(schema: S): z.output<S> | null {
    let value: unknown;
    try {
      value = this.#document.toJS({ maxAliasCount: 100 }) ?? {};
    } catch (error) {
      this.report('error', [], error instanceof Error ? error.message : 'cannot be read');
      return null;
    }
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    for (const issue of result.error.issues) this.#reportIssue(issue, schema, value);
    return null;
  }

  #reportIssue(issue: z.core.$ZodIssue, schema: z.ZodType, root: unknown): void {
    const path = issue.path.filter((part) => typeof part !== 'symbol');
    const name =
      path.length === 0 ? 'the file' : `"${path.filter((part) => typeof part === 'string').at(-1) ?? path.at(-1)}"`;
    const value = valueAt(root, path);
    switch (issue.code) {
      case 'unrecognized_keys':
        for (const key of issue.keys)
          this.reportKey(path, key, `unknown key "${key}"`, suggest(key, keysAt(schema, path)));
        return;
      case 'invalid_type':
        if (value === undefined) this.report('error', path, `${name} is missing`);
        else
          this.report(
            'error',
            path,
            `${name} must be ${article(issue.expected)}, not ${nameOfType(value)}`,
            quoteHint(issue.expected, value),
          );
        return;
      case 'invalid_value': {
        const values = issue.values.map(String);
        if (value === undefined) this.report('error', path, `${name} is missing`, `one of ${values.join(', ')}`);
        else
          this.report(
            'error',
            path,
            `${name} must be one of ${values.join(', ')}`,
            typeof value === 'string' ? suggest(value, values) : null,
          );
        return;
      }
      case 'invalid_key':
        for (const inner of issue.issues) this.reportKey(path.slice(0, -1), String(path.at(-1)), inner.message);
        return;
      default:
        this.report(
          'error',
          path,
          issue.code === 'custom' || issue.code === 'invalid_format' ? issue.message : `${name}: ${issue.message}`,
        );
    }
  }

  #nodeAt(path: YamlPath): Node | null {
    const node: unknown = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
    return isNode(node) ? node : null;
  }

  #placeOfKey(path: YamlPath, key: string): Place {
    const map = this.#nodeAt(path);
    if (isMap(map)) {
      const pair = map.items.find((item) => isNode(item.key) && String(item.key) === key);
      if (pair !== undefined && isNode(pair.key) && pair.key.range) return placeAt(this.#text, pair.key.range[0]);
    }
    return this.place(path);
  }
}

function tidy(message: string): string {
  return message.replace(/\s*\n[^]*$/, '').replace(/ at line \d+, column \d+:?$/, '');
}

function valueAt(root: unknown, path: YamlPath): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.entries(value).find(([key]) => key === String(part))?.[1];
  }
  return value;
}

function article(expected: string): string {
  const words: Record<string, string> = {
    string: 'text',
    object: 'a map',
    record: 'a map',
    array: 'a list',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
  };
  return words[expected] ?? expected;
}

function nameOfType(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return article(typeof value);
}

function quoteHint(expected: string, value: unknown): string | null {
  const scalar = typeof value === 'number' || typeof value === 'boolean';
  return expected === 'string' && scalar ? `put it in quotes: "${value}"` : null;
}

/** The keys that the schema knows at a path, for did-you-mean. */
function keysAt(schema: z.core.$ZodType, path: YamlPath): readonly string[] {
  let at: z.core.$ZodType | undefined = schema;
  for (const part of [...path, null]) {
    at = unwrapped(at);
    const def = at === undefined ? undefined : definition(at);
    if (part === null) return def?.type === 'object' ? Object.keys(def.shape) : [];
    if (def?.type === 'object') at = def.shape[String(part)];
    else if (def?.type === 'array') at = def.element;
    else if (def?.type === 'record') at = def.valueType;
    else return [];
  }
  return [];
}

function definition(
  schema: z.core.$ZodType,
): z.core.$ZodObjectDef | z.core.$ZodArrayDef | z.core.$ZodRecordDef | z.core.$ZodDefaultDef | null {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  return def.type === 'object' || def.type === 'array' || def.type === 'record' || def.type === 'default' ? def : null;
}

function unwrapped(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  let at = schema;
  while (at !== undefined) {
    const { def } = (at as z.core.$ZodTypes)._zod;
    if (def.type === 'default' || def.type === 'prefault' || def.type === 'optional' || def.type === 'nullable')
      at = def.innerType;
    else if (def.type === 'pipe') at = def.in;
    else return at;
  }
  return undefined;
}
