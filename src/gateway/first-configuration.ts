import { join } from 'node:path';
import { SluiceError, messageOf } from '../lib/errors.js';
import type { BundleStore } from '../store/ports.js';
import type { BundleAdmin } from './bundle-admin.js';
import { readBundleFolder } from './bundle-folder.js';
import { type ActiveConfiguration, type ConfigurationParts, compileConfiguration } from './configuration.js';

/**
 * Puts in force what was in force when the gateway ended. A gateway that never had a bundle takes the one in
 * `<stateDir>/bundle`, for nobody could be permitted to apply it; with none it starts and permits nothing.
 */
export async function loadFirstConfiguration(
  stateDir: string,
  admin: BundleAdmin,
  configuration: ActiveConfiguration,
  history: BundleStore,
  parts: ConfigurationParts,
): Promise<void> {
  const latest = history.latest();
  if (latest !== null) {
    try {
      configuration.swap(compileConfiguration(latest.files, parts));
    } catch (error) {
      // Starting with other rules than those in force would be worse than not starting.
      throw new SluiceError(
        'config_invalid',
        `the bundle in force, ${latest.version}, cannot be used: ${messageOf(error)}`,
        { cause: error },
      );
    }
    return;
  }
  const dir = join(stateDir, 'bundle');
  const files = await readBundleFolder(dir);
  if (files !== null) admin.apply(files, { by: 'gateway', dryRun: false, message: `first bundle, from ${dir}` });
}
