import { ByteOutput } from '../../src/masking/byte-output.js';
import type { CopyMasker } from '../../src/masking/types.js';

/** What a masker of COPY gives for one more chunk. */
export function maskChunk(masker: CopyMasker, chunk: Buffer): Buffer {
  const out = new ByteOutput(0);
  masker.push(chunk, 0, chunk.length, out);
  return out.bytes;
}

/** What it gives at the end. */
export function maskRest(masker: CopyMasker): Buffer {
  const out = new ByteOutput(0);
  masker.end(out);
  return out.bytes;
}
