import { runAgent } from '../../../src/agent/app.js';
import type { ClientEnvironment } from '../../../src/client/environment.js';

/** The agent as a process of its own, for tests: its environment comes as JSON in a variable. */
const environment = JSON.parse(process.env['TEST_ENVIRONMENT'] ?? '{}') as ClientEnvironment;
const abort = new AbortController();
process.once('SIGTERM', () => abort.abort());
// What the event loop would wake up for, for the test of an agent at rest.
process.on('SIGUSR2', () => process.stdout.write(`resources: ${process.getActiveResourcesInfo().sort().join(' ')}\n`));
process.stdout.write(`token given: ${process.env['SLUICE_TOKEN'] ?? 'none'}\n`);
const end = await runAgent({ environment, signal: abort.signal, log: (line) => process.stdout.write(`${line}\n`) });
process.stdout.write(`${end}\n`);
