// A small client for what surrounds a measurement: loading stock before it and checking it after. Speed hardly
// matters here, exactness does: every reply is decoded and any refusal is an error.
import { uuidv7 } from '../../protocol/client/uuidv7.ts';
import { decodeServerMessage, encodeRequest } from '../../protocol/client-codec.ts';
import { BATCH_ITEMS_MAX, type GetReply, type Outcome, type WireItem, type WireRequest } from '../../protocol/index.ts';
import { maskedFrame, OPCODE } from '../generator/frames.ts';
import { LOAD_NODE, skuName } from '../generator/load.ts';
import { LoadSocket } from '../generator/load-socket.ts';
import { REGION } from './systems.ts';

/** Batches on their way at a time. */
const PIPELINE = 4;
const ANSWER_MS_MAX = 60_000;

export class WireClient {
  #socket: LoadSocket | undefined;
  #nextId = 1;
  readonly #waiting = new Map<unknown, { resolve: (outcome: Outcome) => void; reject: (error: Error) => void }>();

  static async connect(port: number): Promise<WireClient> {
    const client = new WireClient();
    client.#socket = await LoadSocket.open(port, 'holdfast.v1.msgpack', {
      onMessage: (bytes, start, end) => {
        const message = decodeServerMessage('msgpack', bytes.slice(start, end));
        if (message.kind !== 'reply') return;
        this.#take(client, message.id)?.resolve(message.outcome);
      },
      onBroken: (reason) => {
        for (const { reject } of client.#waiting.values()) reject(new Error(`connection lost: ${reason}`));
      },
    });
    return client;
  }

  static #take(client: WireClient, id: unknown) {
    const waiter = client.#waiting.get(id);
    client.#waiting.delete(id);
    return waiter;
  }

  /** @throws Error on a refusal, a lost connection, or no answer */
  async request(wire: WireRequest): Promise<Outcome & { readonly ok: true }> {
    const id = this.#nextId++;
    const payload = encodeRequest('msgpack', id, wire);
    let timer: NodeJS.Timeout | undefined;
    const outcome = await new Promise<Outcome>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer to ${wire.op}`)), ANSWER_MS_MAX);
      this.#waiting.set(id, { resolve, reject });
      this.#socket?.write(maskedFrame(OPCODE.binary, payload as Uint8Array));
    }).finally(() => clearTimeout(timer));
    if (!outcome.ok) throw new Error(`${wire.op} refused: ${outcome.code} ${outcome.message}`);
    return outcome;
  }

  close(): void {
    this.#socket?.close();
  }
}

/** Runs `count` SKUs through batches of one op each, a few batches at a time. */
async function inBatches(
  client: WireClient,
  count: number,
  item: (index: number) => WireItem,
  each: (outcome: Outcome) => void = () => {},
  progress: (done: number) => void = () => {},
): Promise<void> {
  let next = 0;
  let done = 0;
  const work = async () => {
    while (next < count) {
      const from = next;
      next = Math.min(count, from + BATCH_ITEMS_MAX);
      const items = Array.from({ length: next - from }, (_, i) => item(from + i));
      const reply = (await client.request({ op: 'batch', items })) as unknown as { items: readonly Outcome[] };
      for (const outcome of reply.items) {
        if (!outcome.ok) throw new Error(`${outcome.code} ${outcome.message}`);
        each(outcome);
      }
      done += reply.items.length;
      progress(done);
    }
  };
  await Promise.all(Array.from({ length: PIPELINE }, work));
}

/** Gives each of the first `skus` SKUs `units` units at one node. */
export async function loadStock(
  port: number,
  skus: number,
  units: number,
  progress?: (done: number) => void,
): Promise<void> {
  const client = await WireClient.connect(port);
  try {
    await inBatches(
      client,
      skus,
      (index) => ({
        op: 'adjust',
        sku: skuName(index),
        region: REGION,
        node: LOAD_NODE,
        delta: units,
        reason: 'load',
        requestId: uuidv7(Date.now()),
      }),
      undefined,
      progress,
    );
  } finally {
    client.close();
  }
}

/** Units available to sell over the first `skus` SKUs: after a run, it must have fallen by what was acknowledged. */
export async function unitsAvailable(port: number, skus: number): Promise<number> {
  const client = await WireClient.connect(port);
  let units = 0;
  try {
    const get = (index: number): WireItem => ({ op: 'get', sku: skuName(index), region: REGION });
    await inBatches(client, skus, get, (outcome) => {
      units += (outcome as GetReply).availableToSell;
    });
  } finally {
    client.close();
  }
  return units;
}
