// What both entry points offer besides their own `connect`.
export type { BatchResult, BatchResults } from './batch.ts';
export { HoldfastClient } from './client.ts';
export type { ClientErrorCode, RequestOutcome } from './errors.ts';
export { HoldfastError } from './errors.ts';
export type { ClientEvents } from './events.ts';
export type { CallOptions, ConnectOptions, TokenSource } from './options.ts';
export type * from './requests.ts';
export type { AvailabilityListener, Subscription } from './subscriptions.ts';
export { uuidv7 } from './uuidv7.ts';
