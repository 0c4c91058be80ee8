import type { Connection } from './database.js';
import type { DeliveryStore } from './ports.js';

/** Ids of messages that were taken, in SQLite. One statement claims an id, so of two callers one finds it taken. */
export function sqliteDeliveries(database: Connection): DeliveryStore {
  const insert = database.prepare('INSERT INTO deliveries (sender, id, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
  const prune = database.prepare('DELETE FROM deliveries WHERE at < ?');
  return {
    claim: (sender, id, at) => insert.run([sender, id, at]).changes === 1,
    prune: (before) => void prune.run([before]),
  };
}
