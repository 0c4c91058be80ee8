import type { ProtectedColumn } from '../analysis/postgres-types.js';
import type { TextSecrets } from '../analysis/text-secrets.js';
import { compileDetectors, maskText, type Detectors } from './detectors.js';
import { redacted } from './placeholders.js';
import type { Classification } from './types.js';

/** What somebody ran, as far as it is text. */
export interface Ran {
  readonly text: string;
  readonly parameters: readonly (string | null)[];
  /** Descriptions of its effects: a command line stands in one. */
  readonly effects: readonly string[];
  readonly secrets: TextSecrets | null;
}

export type Shown = Omit<Ran, 'secrets'>;

/** Whether whoever looks may see values of all these columns; never asked about none. */
export type MayReveal = (columns: readonly ProtectedColumn[]) => boolean;

const maxPlainDigits = 6;
const nobody: MayReveal = () => false;

/**
 * What was run, as others than who ran it may see it: constants and parameters that meet protected columns are taken
 * out, and so is what detectors find in the rest. The text can still be parsed, and does what it did.
 */
export function showOperation(ran: Ran, detectors: Detectors | null, mayReveal: MayReveal = nobody): Shown {
  const hidden = (columns: readonly ProtectedColumn[]): boolean => columns.length === 0 || !mayReveal(columns);
  const scrub = (text: string): string => (detectors === null ? text : maskText(text, detectors));
  const { secrets } = ran;
  const positions = new Set(
    (secrets?.parameters ?? []).filter(({ columns }) => hidden(columns)).map(({ position }) => position),
  );
  const parameters = ran.parameters.map((value, index) => {
    if (value === null) return null;
    return positions.has(0) || positions.has(index + 1) ? redacted : scrub(value);
  });
  let text = '';
  let from = 0;
  for (const { start, end, columns } of secrets?.literals ?? []) {
    if (start < from || !hidden(columns)) continue;
    text += `${ran.text.slice(from, start)}'${redacted}'`;
    from = end;
  }
  return { text: scrub(text + ran.text.slice(from)), parameters, effects: ran.effects.map(scrub) };
}

/** The operations of one session as its record holds them; one text's form is found once. */
export class ShownOperations {
  readonly #settings: () => Classification['detectors'];
  #compiled: { readonly of: Classification['detectors']; readonly detectors: Detectors | null } | null = null;
  /** By its effects, which are one array as long as the analysis of a text is kept. */
  #known = new WeakMap<readonly string[], { readonly from: string; readonly shown: Shown }>();

  constructor(settings: () => Classification['detectors']) {
    this.#settings = settings;
  }

  of(ran: Ran): Shown {
    const detectors = this.#detectors();
    const before = this.#known.get(ran.effects);
    const base = before?.from === ran.text ? before.shown : this.#show(ran, detectors, before?.shown.effects);
    if (ran.parameters.length === 0) return base;
    // Most parameters are small numbers, which tell nothing unless they meet a protected column.
    if (ran.secrets === null && ran.parameters.every(tellsNothing)) {
      return { text: base.text, parameters: ran.parameters, effects: base.effects };
    }
    const { parameters } = showOperation(
      { ...ran, text: '', effects: [], secrets: onlyParameters(ran.secrets) },
      detectors,
    );
    return { ...base, parameters };
  }

  /** A message that may quote what was run. */
  text(message: string): string {
    const detectors = this.#detectors();
    return detectors === null ? message : maskText(message, detectors);
  }

  /** `effects`: those of another text with the same effects, as they are shown. */
  #show(ran: Ran, detectors: Detectors | null, effects: readonly string[] | undefined): Shown {
    const found = showOperation(
      { ...ran, parameters: [], effects: effects === undefined ? ran.effects : [] },
      detectors,
    );
    const shown = effects === undefined ? found : { ...found, effects };
    this.#known.set(ran.effects, { from: ran.text, shown });
    return shown;
  }

  #detectors(): Detectors | null {
    const settings = this.#settings();
    if (this.#compiled?.of !== settings) {
      this.#compiled = { of: settings, detectors: compileDetectors(settings) };
      this.#known = new WeakMap();
    }
    return this.#compiled.detectors;
  }
}

/** No detector knows anything of so few digits. */
function tellsNothing(value: string | null): boolean {
  if (value === null) return true;
  if (value.length > maxPlainDigits) return false;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

function onlyParameters(secrets: TextSecrets | null): TextSecrets | null {
  return secrets === null || secrets.parameters.length === 0 ? null : { literals: [], parameters: secrets.parameters };
}
