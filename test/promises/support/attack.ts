import { wire } from '../../support/raw-postgres.js';

import { errorCode, WireSession, textOf, type Transcript } from './wire-session.js';

/** What is sent: SQL texts, each a Query of its own, or messages with the number of ReadyForQuery they are worth. */
export type Script = string | readonly string[] | { readonly messages: readonly Buffer[]; readonly ready: number };

/** One way of sending a script. */
export type Lane = 'simple' | 'extended';

/** Runs a script in a session of its own. Stops where the session ends or is held. */
export async function play(
  uri: string,
  script: Script,
  lane: Lane = 'simple',
  before: readonly string[] = [],
): Promise<Played> {
  const session = await WireSession.open(uri);
  const transcripts: Transcript[] = [];
  try {
    for (const sql of before) {
      session.send(wire.query(sql));
      await session.until(1);
    }
    for (const [messages, ready] of stepsOf(script, lane)) {
      session.send(...messages);
      const transcript = await session.until(ready);
      transcripts.push(transcript);
      if (transcript.held || transcript.closed || transcript.silent) break;
    }
    return { transcripts, text: transcripts.map(textOf).join('\n--\n'), bytes: session.bytes };
  } finally {
    session.close();
  }
}

export interface Played {
  readonly transcripts: readonly Transcript[];
  readonly text: string;
  readonly bytes: Buffer;
}

function stepsOf(script: Script, lane: Lane): readonly (readonly [readonly Buffer[], number])[] {
  if (typeof script === 'object' && 'messages' in script) return [[script.messages, script.ready]];
  const texts = typeof script === 'string' ? [script] : script;
  if (lane === 'simple') return texts.map((sql) => [[wire.query(sql)], 1] as const);
  // Binary results and no Describe: the leanest way to run a statement.
  return texts.map(
    (sql) => [[wire.parse('', sql), wire.bind('', '', [], true), wire.execute(''), wire.sync], 1] as const,
  );
}

/** Says whether the gateway refused or held something. */
export function isRefused({ transcripts }: Played): boolean {
  return transcripts.some((transcript) => transcript.held || transcript.closed || errorCode(transcript) !== '');
}
