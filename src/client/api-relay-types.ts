import type { Envelope } from './api-types.js';

/** GET /v1/relays: the relays that targets.yaml names, with what serves them now, the newest last. */
export interface RelayList extends Envelope<'sluice.relays/v1'> {
  readonly relays: readonly {
    readonly name: string;
    readonly groups: readonly string[];
    readonly targets: readonly string[];
    readonly connections: readonly {
      readonly id: string;
      readonly machine: string;
      readonly address: string;
      readonly version: string;
      readonly since: string;
      readonly streams: number;
      readonly bytes: number;
    }[];
  }[];
}
