import { documentOf } from './common.js';

export const healthDocument = documentOf('sluice.health/v1', {});
export const readyDocument = documentOf('sluice.ready/v1', {});
