import type { CommandCases } from '../case.js';
import { actingOnAccess, readingAccess } from './access.js';
import { gatewayCommands } from './gateway.js';
import { localCommands } from './local.js';
import { readingPolicy } from './policy.js';
import { actingOnRequests, readingRequests } from './requests.js';
import { actingOnSessions, readingSessions } from './sessions.js';
import { actingOnTargets, actingOnWhatIsKept, readingTargets } from './targets.js';

export const reading: readonly CommandCases[] = [
  ...readingTargets,
  ...readingRequests,
  ...readingAccess,
  ...readingSessions,
  ...readingPolicy,
];
export const acting: readonly CommandCases[] = [
  ...actingOnTargets,
  ...actingOnRequests,
  ...actingOnAccess,
  ...actingOnSessions,
  ...gatewayCommands,
  ...localCommands,
];
/** One after the other. */
export const alone: readonly CommandCases[] = actingOnWhatIsKept;
