import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { AnchorSink } from './anchor-keeper.js';
import type { ObjectStore } from './objects/store.js';

/** Appends each anchor as a line to a file, best one on another machine, and syncs it. */
export function fileAnchors(path: string): AnchorSink {
  return {
    name: `the anchor file ${path}`,
    async put(anchor) {
      const file = await open(path, 'a', 0o600);
      try {
        await file.appendFile(`${JSON.stringify(anchor)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
    },
  };
}

/** Stores each anchor as an object of its own, which a lock keeps as long as the bucket says. */
export function objectAnchors(store: ObjectStore): AnchorSink {
  return {
    name: `the object store ${store.name}`,
    async put(anchor) {
      const bytes = Buffer.from(`${JSON.stringify(anchor)}\n`);
      const key = `anchors/${String(anchor.records).padStart(12, '0')}-${anchor.head.slice(0, 16)}.json`;
      await store.put(key, { bytes: bytes.length, chunks: () => Readable.from([bytes]) });
    },
    close: () => store.close(),
  };
}

/** Posts each anchor as JSON; any 2xx means that it is kept. Redirects are not followed. */
export function webhookAnchors(url: string, token: string | null): AnchorSink {
  return {
    name: `the anchor webhook at ${new URL(url).host}`,
    async put(anchor, signal) {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'error',
        signal,
        headers: {
          'content-type': 'application/json',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(anchor),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
    },
  };
}
