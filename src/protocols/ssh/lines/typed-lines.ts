import { isDeepStrictEqual } from 'node:util';
import { isSluiceError, SluiceError } from '../../../lib/errors.js';
import type { Held, Permit } from '../../../sessions/permit.js';
import type { Conversation } from '../conversation.js';
import { lineOperation, lineText } from '../effects.js';
import { permitOf } from '../judging.js';
import { errorText } from '../errors.js';
import { Cutter, hasInterrupt, TypedKeys, type Piece } from './keys.js';
import { agrees, recover, type Before, type Recovered } from './recover.js';
import { Screen } from './screen.js';

/** How long an echo may take before the keys count as not shown. */
const echoMs = 800;
/** After this long without output the shell has drawn what keys like Tab make of the line. */
const quietMs = 40;
const editedMs = 300;
/** Between the end of a line and the first key of the next: how long the screen must be still, and how long that is awaited. */
const promptMs = 15;
const aheadMs = 250;
/** What is typed while a line is held. */
const maxQueuedBytes = 4096;
/** End of line and kill: empty the line in Emacs mode, zsh, fish and the terminal's own line discipline. */
const killKeys = Buffer.from([0x05, 0x15]);
const interruptKey = Buffer.from([0x03]);
const substitution = /[$<>=]\(|`|^\(|\s\(/;
const bell = '\u0007';

export interface TypedLinesParts {
  readonly talk: Conversation;
  /** Sends input to the target. */
  readonly send: (bytes: Buffer) => Promise<void>;
  /** Shows the person something that is not the target's. */
  readonly show: (text: string) => Promise<void>;
  readonly columns: number;
  readonly rows: number;
  /** Called when a line can be neither judged nor recorded: the session must stop. */
  readonly fail: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** What is judged: a line, or that there is none to see. */
type Line = Exclude<Recovered, { kind: 'none' }>;

interface Waiting {
  readonly read: Line;
  readonly before: Before;
  readonly key: Buffer;
}

/**
 * Recovers each line that is typed at a terminal from what the terminal shows, has it recorded and judged, and only then
 * sends the key that runs it. A refused line is emptied on the target.
 */
export class TypedLines {
  readonly #parts: TypedLinesParts;
  readonly #screen: Screen;
  readonly #cutter = new Cutter();
  readonly #keys = new TypedKeys();
  #prompt: string | null = null;
  #lastPrompt = '';
  #typedAt = 0;
  #drawnAt = 0;
  #enteredAt = 0;
  /** The full-screen program that runs now was judged. */
  #fullScreen: 'none' | 'allowed' | 'denied' = 'none';
  /** The paste that was looked at, and whether the program at the other end takes pastes as such. */
  #paste = { number: 0, isTaken: true };
  #held: AbortController | null = null;
  #deciding: Promise<void> | null = null;
  #queued: Buffer = Buffer.alloc(0);

  constructor(parts: TypedLinesParts) {
    this.#parts = parts;
    this.#screen = new Screen(parts.columns, parts.rows);
  }

  /** Output on its way to the person. A promise is to be waited for before there is more. */
  output(bytes: Buffer): Promise<void> | undefined {
    this.#drawnAt = performance.now();
    return this.#screen.write(bytes);
  }

  resize(columns: number, rows: number): void {
    this.#screen.resize(columns, rows);
  }

  /** Input of the person. While a line is held this returns at once: the person must be able to take it back. */
  async input(bytes: Buffer): Promise<void> {
    if (this.#held !== null) {
      if (hasInterrupt(bytes)) this.#held.abort(new SluiceError('interrupted', 'taken back with Ctrl-C'));
      else if (this.#queued.length + bytes.length <= maxQueuedBytes)
        this.#queued = Buffer.concat([this.#queued, bytes]);
      else await this.#parts.show(bell);
      return;
    }
    for (const { bytes: keys, submit, does } of this.#cutter.cut(bytes, this.#screen)) {
      if (this.#isHolding) {
        this.#queued = Buffer.concat([this.#queued, keys, submit ?? Buffer.alloc(0)]).subarray(0, maxQueuedBytes);
        continue;
      }
      await this.#type(keys);
      if (submit === null) continue;
      if (does === 'run') await this.#submit(submit);
      else await this.#press(submit, does);
    }
  }

  /** No line is held any more. */
  async decided(): Promise<void> {
    while (this.#deciding !== null) await this.#deciding;
  }

  dispose(): void {
    this.#screen.dispose();
  }

  get #isHolding(): boolean {
    return this.#held !== null;
  }

  async #type(keys: Buffer): Promise<void> {
    if (keys.length === 0) return;
    if (this.#keys.isFresh) {
      await this.#answered();
      this.#prompt = this.#screen.isFullScreen ? null : this.#screen.line().head;
    }
    this.#keys.push(keys);
    this.#typedAt = performance.now();
    await this.#parts.send(keys);
  }

  /** What is typed ahead waits for the prompt, if it comes soon: then it is known where the line begins. */
  async #answered(): Promise<void> {
    const until = this.#enteredAt + aheadMs;
    for (;;) {
      await this.#screen.settled();
      const now = performance.now();
      const quiet = this.#drawnAt > this.#enteredAt ? this.#drawnAt + promptMs : until;
      const left = Math.min(quiet, until) - now;
      if (left <= 0) return;
      await this.#screen.change(left);
    }
  }

  async #submit(key: Buffer): Promise<void> {
    const before = this.#before();
    const read = await this.#read(before);
    if (read.kind !== 'fullscreen') this.#fullScreen = 'none';
    else if (this.#fullScreen !== 'none') {
      if (this.#fullScreen === 'allowed') await this.#parts.send(key);
      else await this.#parts.show(bell);
      return this.#fresh();
    }
    if (read.kind === 'none') {
      await this.#parts.send(key);
      return this.#fresh();
    }
    if (read.kind === 'line' && read.isCertain) this.#lastPrompt = this.#prompt ?? '';
    await this.#judge(read, before, key);
  }

  /** A key that leaves the line where it is, and may run it or something else all the same. */
  async #press(key: Buffer, does: Exclude<Piece['does'], 'run'>): Promise<void> {
    if (does === 'paste') return (await this.#takesPaste()) ? this.#type(key) : this.#submit(key);
    const before = this.#before();
    const isHarmless = does === 'expand' && !(this.#keys.hasSubstituted && (await this.#substitutes(before)));
    if (isHarmless) return this.#type(key);
    await this.#judge(await this.#readKeys(before), before, key);
  }

  /** Who asks for marks around pastes may not be who reads them: then the mark itself is echoed as text. */
  async #takesPaste(): Promise<boolean> {
    const number = this.#cutter.pastes;
    if (this.#paste.number === number) return this.#paste.isTaken;
    const until = performance.now() + echoMs;
    let isTaken = true;
    for (let left = echoMs; isTaken && left > 0; left = until - performance.now()) {
      await this.#screen.settled();
      const { head, tail } = this.#screen.line();
      isTaken = !`${head}${tail}`.includes('[200~');
      if (isTaken) await this.#screen.change(left);
    }
    this.#paste = { number, isTaken };
    return isTaken;
  }

  async #readKeys(before: Before): Promise<Line> {
    const read = await this.#read(before);
    if (read.kind === 'fullscreen') return read;
    // What a comment would be without its mark is what one of these keys runs.
    return { kind: 'keys', text: read.kind === 'line' ? read.text.replace(/^[#\s]+/, '') : '' };
  }

  async #substitutes(before: Before): Promise<boolean> {
    if (before.typed !== null) return substitution.test(before.typed);
    const read = await this.#read(before);
    return read.kind === 'line' && substitution.test(read.text);
  }

  async #judge(read: Line, before: Before, key: Buffer): Promise<void> {
    const { talk } = this.#parts;
    const subject = lineOperation(talk.incoming.target.name, read, this.#screen.isFollowed);
    const verdict = await talk.judging.first(subject);
    if (verdict.verdict !== 'hold') {
      await this.#settle(read, () => this.#run(permitOf(verdict), read, key));
      return;
    }
    // From here on input is looked at as it comes: the person may take the line back.
    const taken = new AbortController();
    this.#held = taken;
    this.#deciding = this.#settle(read, () => this.#runHeld(verdict, { read, before, key }, taken.signal))
      .then(() => this.#goOn())
      .catch(this.#parts.fail);
  }

  async #runHeld(held: Held, { read, before, key }: Waiting, taken: AbortSignal): Promise<void> {
    const { talk, signal } = this.#parts;
    const told: Promise<void>[] = [];
    const permit = await talk.judging.wait(
      held,
      (text) => void told.push(this.#notice(text)),
      AbortSignal.any([signal, taken]),
    );
    await Promise.all(told);
    // What was approved is what stands there; anything may have drawn over it meanwhile.
    const now = await (read.kind === 'keys' ? this.#readKeys(before) : this.#read(before));
    if (!isDeepStrictEqual(now, read)) {
      const error = new SluiceError('denied', 'the line on the screen is not the one that was approved any more', {
        decider: 'gateway',
      });
      throw await talk.judging.withdraw(permit, error);
    }
    await this.#run(permit, read, key);
    const result = { rowCount: 0, byteCount: 0, truncated: false, digest: '' };
    talk.session.recorder.append({ type: 'result', at: talk.now(), op: permit.op, tag: 'line sent', ...result });
  }

  /** Sends the key that runs a line; this is the only place that does. */
  async #run(permit: Permit, read: Line, key: Buffer): Promise<void> {
    if (!permit.genuine || permit.text !== lineText(read)) throw new TypeError('not a permit for this line');
    if (read.kind === 'fullscreen') this.#fullScreen = 'allowed';
    if (read.kind === 'keys') this.#keys.push(key);
    this.#typedAt = performance.now();
    await this.#parts.send(key);
  }

  async #settle(read: Line, run: () => Promise<void>): Promise<void> {
    try {
      await run();
      // The line may stand there still.
      if (read.kind === 'keys') return;
    } catch (error) {
      if (this.#parts.signal.aborted || !isSluiceError(error) || isSluiceError(error, 'recorder_failed')) throw error;
      await this.#refuse(read, error);
    }
    this.#fresh();
  }

  async #refuse(read: Line, error: SluiceError): Promise<void> {
    const { send, show } = this.#parts;
    if (read.kind === 'fullscreen') {
      this.#fullScreen = 'denied';
      // Words would stand in the middle of what the program draws.
      return show(bell);
    }
    // Behind ESC or ^X those would be other keys.
    if (read.kind !== 'keys') await send(killKeys);
    if (read.kind === 'keys' || read.kind === 'hidden' || !(await this.#isEmptied())) {
      await send(interruptKey);
      await this.#quiet(editedMs);
    }
    await this.#notice(errorText(error));
  }

  async #isEmptied(): Promise<boolean> {
    const prompt = this.#prompt ?? '';
    const until = performance.now() + editedMs;
    for (;;) {
      await this.#screen.settled();
      const { head, tail } = this.#screen.line();
      if (`${head}${tail}`.trimEnd() === prompt.trimEnd()) return true;
      const left = until - performance.now();
      if (left <= 0) return false;
      await this.#screen.change(left);
    }
  }

  /** Shows words of the gateway, and the line that they interrupt once more: programs draw relative to it. */
  async #notice(text: string): Promise<void> {
    await this.#screen.settled();
    const { head } = this.#screen.line();
    await this.#parts.show(`\r\n${text.replaceAll('\n', '\r\n')}${head}`);
  }

  async #goOn(): Promise<void> {
    this.#held = null;
    this.#deciding = null;
    const queued = this.#queued;
    this.#queued = Buffer.alloc(0);
    if (queued.length > 0) await this.input(queued);
  }

  #before(): Before {
    const { text, isFresh, hasText } = this.#keys;
    return { prompt: this.#prompt, typed: text, isFresh, hasText, lastPrompt: this.#lastPrompt };
  }

  /** Waits until the screen shows what was typed, or long enough, and reads the line. */
  async #read(before: Before): Promise<Recovered> {
    for (;;) {
      await this.#screen.settled();
      if (this.#screen.isFullScreen) return { kind: 'fullscreen' };
      const line = this.#screen.line();
      const now = performance.now();
      const end = before.typed === null ? this.#editedEnd(now) : this.#typedAt + echoMs;
      if (agrees(line, before) || now >= end) return recover(line, before);
      await this.#screen.change(end - now);
    }
  }

  /** When a line that was edited counts as drawn: output has come, and for a while none any more. */
  #editedEnd(now: number): number {
    const latest = this.#typedAt + editedMs;
    if (this.#drawnAt <= this.#typedAt) return latest;
    return Math.min(Math.max(latest, now), this.#drawnAt + quietMs);
  }

  async #quiet(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    for (let left = timeoutMs; left > 0; left = until - performance.now()) {
      const seen = this.#screen.changes;
      await this.#screen.change(Math.min(left, quietMs));
      if (this.#screen.changes === seen && this.#drawnAt > until - timeoutMs) return;
    }
  }

  #fresh(): void {
    this.#enteredAt = performance.now();
    this.#keys.reset();
    this.#prompt = null;
  }
}
