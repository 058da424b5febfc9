// The order's core as the grid hosts it: protocol/order-core.ts says what it is asked, the rest of this folder what it answers.
import { failure, type OrderCore } from '../../protocol/index.ts';
import { readCommand } from './commands.ts';
import { decide } from './decide.ts';
import { evolve } from './evolve.ts';
import { assertInvariants } from './invariants.ts';
import { decideReservations, isAboutReservations } from './reservations.ts';
import { createOrder, offeredTasks, statusOf } from './state.ts';
import type { OrderCommand, OrderEvent, OrderState } from './types.ts';
import { detailJson } from './view.ts';

export const orderCore: OrderCore<OrderState, OrderEvent> = {
  create: createOrder,
  decide(state, ask, context) {
    if (ask.op === 'advance' && isAboutReservations(ask.command))
      return decideReservations(state, ask.command, context);
    const { now, requestId, traceId } = context;
    let command: OrderCommand;
    if (ask.op === 'capture') {
      command = { type: 'capture', order: ask.order, cause: 'capture', requestId, traceId };
    } else {
      const read = readCommand(ask.command, { requestId, traceId });
      if ('wrong' in read) return { events: [], reply: failure('BAD_REQUEST', read.wrong) };
      command = read.command;
    }
    const { events, reply } = decide(state, command, now);
    if (!reply.ok) return { events, reply };
    const { capturedAt = events[0]?.at ?? 0 } = state;
    return {
      events,
      reply: {
        ok: true,
        ...(reply.status === undefined ? {} : { status: reply.status }),
        ...(reply.replayed === true ? { replayed: true } : {}),
        ...(ask.op === 'capture' ? { result: { capturedAt } } : {}),
      },
    };
  },
  evolve,
  assertInvariants,
  openTasks: offeredTasks,
  status: statusOf,
  document: (state) => state.order,
  detail: detailJson,
};
