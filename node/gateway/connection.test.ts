// How a connection writes, seen from the socket: one cork for each release, nothing after the end, nothing lost.
import { beforeEach, describe, expect, test } from 'vitest';
import { createMetrics } from '../metrics/metrics.ts';
import { Call, Connection, type ConnectionHost } from './connection.ts';
import { DROPPED, type EngineSocket, SENT } from './engine-types.ts';
import { createLatencies } from './latency.ts';
import { Topic } from './subscriptions.ts';

class FakeSocket implements EngineSocket<never> {
  readonly sent: string[] = [];
  corks = 0;
  cuts = 0;
  ended: number | undefined;
  buffered = 0;
  status = SENT;

  send(message: Uint8Array): number {
    this.sent.push(Buffer.from(message).toString());
    return this.status;
  }
  cork(write: () => void): void {
    this.corks += 1;
    write();
  }
  end(code: number): void {
    this.ended = code;
  }
  close(): void {
    this.cuts += 1;
  }
  getBufferedAmount(): number {
    return this.buffered;
  }
  getUserData(): never {
    throw new Error('not used');
  }
}

const latency = createLatencies(createMetrics()).get;
const GOOD = { ok: true, subscriptions: 1 } as const;

describe('a connection', () => {
  let queue: Connection[];
  let settled: number;
  let socket: FakeSocket;
  let connection: Connection;

  beforeEach(() => {
    queue = [];
    settled = 0;
    const host: ConnectionHost = {
      enqueue: (one) => queue.push(one),
      settled: () => {
        settled += 1;
      },
      now: () => 0,
      onError: (error) => {
        throw error;
      },
    };
    socket = new FakeSocket();
    connection = new Connection(host, 'json', true);
    connection.opened(socket);
  });

  function begin(id: number): Call {
    const call = new Call(connection, id, latency, 0, 0, 1);
    connection.started(call);
    return call;
  }

  test('given many calls, when one release answers them, then they leave in one cork and in order', () => {
    const calls = Array.from({ length: 100 }, (_, id) => begin(id));
    for (const call of calls) call.respond(GOOD);
    expect([queue.length, socket.sent.length]).toEqual([1, 0]);
    connection.flush();
    expect(socket.corks).toBe(1);
    expect(socket.sent.map((text) => JSON.parse(text).id)).toEqual(calls.map((call) => call.id));
    expect([connection.inFlight, settled]).toEqual([0, 100]);
    connection.flush();
    expect(socket.sent).toHaveLength(100);
  });

  test('given a call, when it is answered twice, then the first counts', () => {
    const call = begin(1);
    call.respond(GOOD);
    call.respond({ ok: true, subscriptions: 2 });
    connection.flush();
    expect(socket.sent.map((text) => JSON.parse(text).subscriptions)).toEqual([1]);
    expect([connection.inFlight, settled]).toEqual([0, 1]);
  });

  test('given the socket is gone, when a call is answered, then it is settled and nothing is written', () => {
    const call = begin(1);
    connection.closed();
    call.respond(GOOD);
    connection.flush();
    expect([settled, socket.sent.length, queue.length]).toEqual([1, 0, 0]);
  });

  test('given a socket that takes no more, when replies are written, then the connection is cut, never gapped', () => {
    socket.status = DROPPED;
    for (let id = 0; id < 3; id++) begin(id).respond(GOOD);
    connection.flush();
    expect([socket.sent.length, socket.cuts, connection.closeReason]).toEqual([1, 1, 'slow_consumer']);
  });

  test('given a reader that is behind, when values change, then replies are written and values wait for it', () => {
    const topic = new Topic('A');
    const publish = (seq: number): void => {
      const version = { epoch: 1, seq };
      topic.update({ push: 'availability', sku: 'A', region: 'eu-west', availableToSell: seq, version });
      connection.news.add(topic);
    };
    socket.buffered = 1_000;
    begin(1).respond(GOOD);
    connection.flush();
    publish(1);
    publish(2);
    begin(2).respond(GOOD);
    connection.flush();
    expect(socket.sent.map((text) => JSON.parse(text).id)).toEqual([1, 2]);
    socket.buffered = 0;
    connection.drained();
    expect(socket.sent.slice(2).map((text) => JSON.parse(text).version.seq)).toEqual([2]);
  });

  test('given bytes that wait, when none leave, then it is stalled, and any progress ends that', () => {
    socket.buffered = 500;
    for (let id = 0; id < 100; id++) begin(id).respond(GOOD);
    connection.flush();
    connection.stalledFor(1_000);
    expect(connection.stalledFor(3_000)).toBe(2_000);
    socket.buffered = 400;
    connection.drained();
    expect(connection.stalledFor(4_000)).toBe(0);
    expect(connection.stalledFor(5_000)).toBe(1_000);
  });

  test('given replies that wait, when the connection ends, then they are written first', () => {
    begin(1).respond(GOOD);
    connection.end(1001, 'bye', 'draining');
    expect([socket.sent.length, socket.ended]).toEqual([1, 1001]);
  });
});
