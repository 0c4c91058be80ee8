import { ByteWriter } from './byte-writer.js';
import { BatchPlaces } from './places.js';
import { mark, numberTerms, termsOf, type Column } from './terms.js';
import { isAscii } from './words.js';

/** More terms are not kept at hand between two segments. */
const maxTerms = 60_000;
const maxCachedText = 4096;
const maxCachedTexts = 4096;
/**
 * ASCII digits that no letter touches; what stands in their place is in no word. Those of a parameter ($1) belong to the
 * statement.
 */
const wholeNumber = /(?<![a-z0-9$])[0-9]+(?![a-z0-9])/gi;
const numberPlace = '\u0000';
/** Shorter numbers come again and again. */
const rareDigits = 4;
const nowhere: readonly number[] = [];
/** A parameter that is such a number needs no looking for others in it. */
const rareNumber = /^[0-9]{4,64}$/;

interface Term {
  readonly name: string;
  /** Where it stands: places of each text it is in. */
  lists: (readonly number[])[];
}

/** A text that came, where, and the terms in it. */
interface KnownText {
  readonly places: number[];
  readonly terms: readonly Term[];
}

/**
 * Terms and where they stand, gathered in memory until there are enough for a segment. The same text again costs one number:
 * that its terms stand there too is only worked out when they are written.
 */
export class Postings {
  readonly #terms = new Map<string, Term>();
  readonly #texts = new Map<Column | 'marks', Map<string, KnownText>>();
  #used: KnownText[] = [];
  /** Terms that hardly come twice, and the place of each. */
  #rare: string[] = [];
  #rarePlaces: number[] = [];
  #places = new BatchPlaces();
  #size = 0;

  /** Numbers gathered. */
  get size(): number {
    return this.#size;
  }

  /** Says that every word of `text` stands in this operation. */
  addText(column: Column, text: string, session: number, operation: number): void {
    if (text === '') return;
    const place = this.#places.at(session, operation);
    const known = this.#texts.get(column)?.get(text);
    if (known !== undefined) this.#add(known, place);
    else if (column === 'any' && rareNumber.test(text)) this.#addRare(column, text, place);
    else this.#add(this.#known(column, isAscii(text) ? this.#takeNumbers(column, text, place) : text), place);
  }

  /** The same of several texts; no words in a row reach from one into the next. */
  addTexts(column: Column, texts: readonly string[], session: number, operation: number): void {
    const [first = '', second] = texts;
    this.addText(column, second === undefined ? first : texts.join(numberPlace), session, operation);
  }

  /** One of the marks in terms.ts. */
  addMark(mark: string, session: number, operation: number): void {
    this.#add(this.#known('marks', mark), this.#places.at(session, operation));
  }

  /** Numbers are what differs in statements that are otherwise alike: without them the rest is known. */
  #takeNumbers(column: Column, text: string, place: number): string {
    return text.replace(wholeNumber, (digits) => {
      if (digits.length < rareDigits) this.#add(this.#known(column, digits), place);
      else this.#addRare(column, digits, place);
      return numberPlace;
    });
  }

  #addRare(column: Column, digits: string, place: number): void {
    for (const term of numberTerms(column, digits)) {
      this.#rare.push(term);
      this.#rarePlaces.push(place);
    }
  }

  #known(column: Column | 'marks', text: string): KnownText {
    let texts = this.#texts.get(column);
    if (texts === undefined) this.#texts.set(column, (texts = new Map<string, KnownText>()));
    let known = texts.get(text);
    if (known === undefined) {
      const names =
        column === 'marks' ? marksOf(text) : new Set(text.split(numberPlace).flatMap((part) => termsOf(column, part)));
      const terms = [...names].map((name) => this.#term(name));
      known = { places: [], terms };
      if (text.length <= maxCachedText) {
        if (texts.size >= maxCachedTexts) texts.clear();
        texts.set(text, known);
      }
    }
    return known;
  }

  #term(name: string): Term {
    let term = this.#terms.get(name);
    if (term === undefined) this.#terms.set(name, (term = { name, lists: [] }));
    return term;
  }

  #add(known: KnownText, place: number): void {
    if (known.places.length === 0) this.#used.push(known);
    known.places.push(place);
    this.#size++;
  }

  /** Gives every term with its list, in order of the terms, and begins anew. */
  drain(each: (term: string, list: Buffer) => void): void {
    const lists = new Map<string, readonly (readonly number[])[]>();
    const used: Term[] = [];
    // Most words of a text stand nowhere else: what was worked out for one of them holds for all.
    const written = new Map<readonly number[], Buffer | null>();
    for (const { terms, places } of this.#used) {
      if (terms.length > 1) written.set(places, null);
      for (const term of terms) {
        if (term.lists.length === 0) used.push(term);
        term.lists.push(places);
      }
    }
    for (const term of used) lists.set(term.name, term.lists);
    const out = new ByteWriter();
    const sorted = this.#places.sort();
    const rare = this.#sortedRare();
    let next = 0;
    const write = (name: string, places: readonly (readonly number[])[]): void => {
      const only = places.length === 1 ? places[0] : undefined;
      let list = only === undefined ? undefined : written.get(only);
      if (list === undefined || list === null) {
        out.length = 0;
        sorted.writeList(out, places);
        // Undefined: nobody else has the same.
        if (list === null && only !== undefined) written.set(only, (list = Buffer.from(out.view())));
      }
      each(name, list ?? out.view());
    };
    /** Rare terms before `name`, or all that are left; returns the places of `name` itself. */
    const writeRareBefore = (name: string | null): readonly number[] => {
      for (;;) {
        const entry = rare[next];
        if (entry === undefined || (name !== null && entry.term > name)) return nowhere;
        const places: number[] = [];
        for (; rare[next]?.term === entry.term; next++) places.push(rare[next]?.place ?? 0);
        if (entry.term === name) return places;
        if (places.length === 1) {
          out.length = 0;
          sorted.writeOne(out, places[0] ?? 0);
          each(entry.term, out.view());
        } else write(entry.term, [places]);
      }
    };
    for (const name of [...lists.keys()].sort()) {
      const also = writeRareBefore(name);
      const places = lists.get(name) ?? [];
      write(name, also.length === 0 ? places : [...places, also]);
    }
    writeRareBefore(null);
    for (const term of used) term.lists = [];
    this.clear();
  }

  #sortedRare(): readonly { readonly term: string; readonly place: number }[] {
    const rare = this.#rare.map((term, index) => ({ term, place: this.#rarePlaces[index] ?? 0 }));
    return rare.sort((one, other) => (one.term < other.term ? -1 : one.term > other.term ? 1 : 0));
  }

  clear(): void {
    if (this.#terms.size > maxTerms) {
      this.#terms.clear();
      this.#texts.clear();
    } else {
      for (const { places } of this.#used) places.length = 0;
    }
    this.#used = [];
    this.#rare = [];
    this.#rarePlaces = [];
    this.#places = new BatchPlaces();
    this.#size = 0;
  }
}

/** Whatever was decided of an operation, it is one of all. */
function marksOf(name: string): readonly string[] {
  return name.startsWith(mark.verdict('')) ? [name, mark.all] : [name];
}
