// A client of the JSON protocol written from the contract alone, so that tests do not trust the SDK they test with.
import { once } from 'node:events';
import WebSocket from 'ws';

export type Json = Record<string, unknown>;

export interface WireClient {
  /** Sends one request; the id is added. Rejects when the connection ends before the reply. */
  call(request: Json): Promise<Json>;
  /** Pushes received so far. */
  readonly pushes: Json[];
  readonly closed: Promise<void>;
  close(): void;
}

export async function connectWire(url: string): Promise<WireClient> {
  const socket = new WebSocket(url, 'holdfast.v1.json');
  await once(socket, 'open');
  const waiting = new Map<number, { resolve: (reply: Json) => void; reject: (error: Error) => void }>();
  const pushes: Json[] = [];
  let nextId = 1;
  socket.on('error', () => {});
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as Json;
    if ('push' in message) {
      pushes.push(message);
      return;
    }
    const id = message.id as number;
    waiting.get(id)?.resolve(message);
    waiting.delete(id);
  });
  const closed = once(socket, 'close').then(() => {
    for (const { reject } of waiting.values()) reject(new Error('the connection ended before the reply'));
    waiting.clear();
  });
  return {
    call: (request) =>
      new Promise((resolve, reject) => {
        if (socket.readyState !== WebSocket.OPEN) {
          reject(new Error('not connected'));
          return;
        }
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        socket.send(JSON.stringify({ id, ...request }));
      }),
    pushes,
    closed,
    close: () => socket.close(),
  };
}

/** Runs requests as batches of at most 1,000 and returns the replies in order. */
export async function callAll(client: WireClient, requests: readonly Json[]): Promise<Json[]> {
  const replies: Json[] = [];
  for (let i = 0; i < requests.length; i += 1_000) {
    const reply = await client.call({ op: 'batch', items: requests.slice(i, i + 1_000) });
    if (reply.ok !== true) throw new Error(JSON.stringify(reply));
    replies.push(...(reply.items as Json[]));
  }
  return replies;
}
