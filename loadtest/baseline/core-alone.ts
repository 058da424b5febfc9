// The actor core without anything around it, for what measures it alone. With core-loop.ts the one place here that reaches into the grid,
// since there is no other way to its core.
import { type Command, createState, execute } from '../../node/core/index.ts';
import type { InventoryState } from '../../node/core/types.ts';
import { uuidv7 } from '../../protocol/client/uuidv7.ts';
import { parseRequest } from '../../protocol/parse.ts';
import { LOAD_NODE } from '../generator/load.ts';

export type { Command, InventoryState };

export interface CoreContext {
  now: number;
  readonly epoch: number;
  readonly region: string;
}

/** An actor with so many units at one node. */
export function stocked(sku: string, units: number, ctx: CoreContext): InventoryState {
  const state = createState(sku);
  const { region } = ctx;
  decide(state, made({ op: 'adjust', sku, region, node: LOAD_NODE, delta: units, reason: 'load' }, ctx.now), ctx);
  return state;
}

/** What the gateway would hand to the core. */
export function made(fields: object, nowMs: number): Command {
  const { request } = parseRequest({ id: 0, ...fields, requestId: uuidv7(nowMs) });
  if ('ok' in request) throw new Error(`no request of the core: ${JSON.stringify(request)}`);
  return request as Command;
}

/** Carries it out; returns the events. @throws Error if it is refused */
export function decide(state: InventoryState, command: Command, ctx: CoreContext) {
  const { events, reply } = execute(state, command, ctx);
  if (reply?.ok !== true) throw new Error(`refused: ${JSON.stringify(reply)}`);
  return events;
}
