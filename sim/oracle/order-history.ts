// What clients and consumers of orders did and saw. Times are the simulation's.
import type {
  AdvanceOrderRequest,
  CaptureOrderRequest,
  GetOrderReply,
  LeasedTask,
  Outcome,
} from '../../protocol/index.ts';

export interface OrderAnswer {
  readonly sentAt: number;
  readonly at: number;
  readonly worker: string;
  readonly outcome: Outcome;
}

/** A capture, or a command to an order: sent until it is answered, and now and then once more. */
export interface AskedOrder {
  readonly request: CaptureOrderRequest | AdvanceOrderRequest;
  readonly answers: OrderAnswer[];
}

/** What a worker lent. */
export interface Taken {
  /** When the consumer asked. */
  readonly sentAt: number;
  readonly at: number;
  readonly worker: string;
  readonly tasks: readonly LeasedTask[];
}

/** What a worker showed of an order, with its journey. */
export interface OrderLook {
  readonly sentAt: number;
  readonly worker: string;
  readonly order: GetOrderReply;
}

export class OrderHistory {
  readonly asked: AskedOrder[] = [];
  /** The orderId of an order that was captured, with another document. */
  readonly conflicts: AskedOrder[] = [];
  readonly taken: Taken[] = [];
  readonly looks: OrderLook[] = [];
}
