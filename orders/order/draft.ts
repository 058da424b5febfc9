// The events of one decision while they are made: numbers them and the tasks they open. Applies nothing.
import type { Failure } from '../../protocol/index.ts';
import { taskIdOf } from './task-id.ts';
import type {
  CommandEnvelope,
  CommandOf,
  CommandType,
  EventData,
  EventEnvelope,
  EventType,
  Fields,
  OrderEvent,
  OrderState,
  Task,
  TaskKind,
} from './types.ts';

/** A part of the decision: adds its events to the draft, or says why it does not. Undefined: all is well. */
export type Part<T extends CommandType> = (
  state: OrderState,
  command: CommandOf<T>,
  draft: Draft,
) => Failure | undefined;

export interface NewTask {
  readonly kind: TaskKind;
  readonly key?: string;
  /** Default: at once. */
  readonly dueAt?: number;
  readonly payload?: Fields;
}

interface Side {
  readonly opens?: readonly NewTask[];
  readonly closes?: readonly string[];
}

export class Draft {
  readonly events: OrderEvent[] = [];
  readonly now: number;
  readonly #state: OrderState;
  readonly #command: CommandEnvelope;
  readonly #digest: number;
  readonly #opened = new Map<TaskKind, number>();
  readonly #closed = new Set<string>();
  /** The command's own task, closed by its first event. */
  #toClose: string | undefined;

  constructor(state: OrderState, command: CommandEnvelope, digest: number, now: number) {
    this.#state = state;
    this.#command = command;
    this.#digest = digest;
    // Time never goes back within an order, whatever clock was asked.
    this.now = Math.max(now, state.lastAt);
    this.#toClose = command.taskId;
  }

  add<T extends EventType>(type: T, data: EventData[T], { opens = [], closes = [] }: Side = {}): void {
    const { requestId, cause, traceId, policyVersion } = this.#command;
    const own = this.#toClose === undefined ? [] : [this.#toClose];
    const closing = [...new Set([...own, ...closes])].filter((taskId) => !this.#closed.has(taskId));
    for (const taskId of closing) this.#closed.add(taskId);
    this.#toClose = undefined;
    const envelope: { type: T } & EventEnvelope = {
      type,
      at: this.now,
      seq: this.#state.seq + this.events.length + 1,
      requestId,
      digest: this.#digest,
      cause,
      traceId,
      ...(policyVersion === undefined ? {} : { policyVersion }),
      ...(closing.length === 0 ? {} : { closes: closing }),
      ...(opens.length === 0 ? {} : { opens: opens.map((task) => this.#task(task)) }),
    };
    this.events.push({ ...envelope, ...data } as unknown as OrderEvent);
  }

  /** Opens a task with the last event so far: what it is about is known only by then. */
  alsoOpen(task: NewTask): void {
    const last = this.events.pop();
    if (last === undefined) throw new Error('nothing has happened that opens a task');
    this.events.push({ ...last, opens: [...(last.opens ?? []), this.#task(task)] });
  }

  /** Tasks of a kind that were opened so far. */
  opened(kind: TaskKind): number {
    return this.#opened.get(kind) ?? 0;
  }

  /** Events of a type so far. */
  count(type: EventType): number {
    return this.events.filter((event) => event.type === type).length;
  }

  /** An exception that was open is settled by what is drafted so far. */
  settles(exceptionId: string): boolean {
    return this.events.some(
      (event) => event.type === 'exceptionDecided' && event.exceptionId === exceptionId && event.outcome === 'SETTLED',
    );
  }

  /** The command's own task goes on: it is put off instead of closed. */
  keepTask(): void {
    this.#toClose = undefined;
  }

  #task({ kind, key = '', dueAt = this.now, payload = {} }: NewTask): Task {
    const n = (this.#state.taskCounts.get(kind) ?? 0) + this.opened(kind) + 1;
    this.#opened.set(kind, this.opened(kind) + 1);
    return { taskId: taskIdOf(this.#state.orderId, `${kind}#${n}`), kind, dueAt, key, payload };
  }
}
