// The version of what an actor shows. Nothing else.

/**
 * The version of an actor's availability, or of an order: `seq` grows by one with each event of the actor, `epoch` with each
 * new owner. Compared by epoch, then by seq.
 */
export interface Version {
  readonly epoch: number;
  readonly seq: number;
}
