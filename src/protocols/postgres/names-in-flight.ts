import type { Conversation } from './conversation.js';
import type { NameChange } from './tracker.js';

/** Undoes a definition that the server never made, unless the name has been given anew. */
export function takeBack<T>(names: Map<string, T>, name: string, set: T): void {
  if (names.get(name) === set) names.delete(name);
}

/** Undoes a removal that the server never did. */
export function restoreMissing<T>(names: Map<string, T>, name: string, prior: T): void {
  if (!names.has(name)) names.set(name, prior);
}

/** Closes what a name stood for upstream before the name is given anew; the client hears nothing of it. */
export function closeUpstream(talk: Conversation, change: NameChange, upstream: string, undo: () => void): void {
  talk.backend.close(change.kind, upstream);
  talk.tracker.push({ type: 'close', hidden: true, changes: change, undo });
}
