import type { Principal } from '../policy/types.js';

export interface SecretInfo {
  readonly name: string;
  readonly updatedAt: number;
  readonly updatedBy: string;
}

/** What the API may do with secrets: set, name and remove them. Nothing here reads a value. */
export interface SecretAdmin {
  list(): readonly SecretInfo[];
  set(name: string, value: string, by: Principal | 'gateway'): Promise<void>;
  /** False when there is none of this name. */
  remove(name: string, by: Principal | 'gateway'): boolean;
}
