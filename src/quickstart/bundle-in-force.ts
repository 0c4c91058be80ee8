import type { RunningGateway } from '../gateway/app.js';
import { readBundleFolder } from '../gateway/bundle-folder.js';
import { SluiceError } from '../lib/errors.js';
import { loadBundle } from '../policy/bundle.js';
import { type PortChange, withPort } from './bundle-folder.js';

/** How the gateway's own applying of a folder is told in its history: nobody chose another bundle since. */
const fromFolder = /^(first bundle|quickstart), from /;
const targetsFile = 'targets.yaml';

/**
 * What people have applied stands, whichever folder it came from; else the quickstart's folder is the truth at each start.
 * `by`: whose bundle stands where the folder holds another; null when it is the folder's.
 */
export async function putInForce(
  gateway: RunningGateway,
  folder: string,
  moved: PortChange,
): Promise<{ readonly by: string | null }> {
  const last = gateway.lastBundle();
  if (last === null || (last.by === 'gateway' && fromFolder.test(last.message ?? ''))) {
    await applyFolder(gateway, folder);
    return { by: null };
  }
  // The database may have moved meanwhile: that much of what was applied is for the quickstart to keep right.
  const targets = last.files.get(targetsFile);
  const now = targets === undefined ? undefined : withPort(targets, moved);
  if (now !== undefined && now !== targets)
    gateway.applyBundle(new Map(last.files).set(targetsFile, now), 'quickstart: PostgreSQL listens on another port');
  const files = await readBundleFolder(folder);
  const loaded = files === null ? null : loadBundle(files);
  const same = loaded !== null && loaded.ok && loaded.bundle.version === gateway.bundleVersion();
  return { by: same ? null : last.by };
}

async function applyFolder(gateway: RunningGateway, folder: string): Promise<void> {
  const files = await readBundleFolder(folder);
  if (files === null) {
    throw new SluiceError('config_invalid', `${folder} is empty: without policies nobody may do anything.`, {
      decider: 'local',
      next: [{ command: `rmdir ${folder}`, when: 'to get the starter bundle again at the next start' }],
    });
  }
  const loaded = loadBundle(files);
  if (loaded.ok && loaded.bundle.version === gateway.bundleVersion()) return;
  gateway.applyBundle(files, `quickstart, from ${folder}`);
}
