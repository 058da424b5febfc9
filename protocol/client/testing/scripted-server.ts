// A WebSocket server for tests that speaks the real codec and misbehaves on command: each request goes to the
// test's script, which answers, stays silent, drops the connection or sends rubbish.
import type { AddressInfo } from 'node:net';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { Encoding, ReplyForm } from '../../codec.ts';
import { decodeRequest, encodePush, encodeReply, SUBPROTOCOL } from '../../codec.ts';
import { type Failure, failure } from '../../errors.ts';
import type { AvailabilityPush, HelloReply, Id, Outcome, PartitionMap, Request } from '../../types.ts';

/** One request as the server read it, and the ways to treat it. */
export interface Received {
  readonly request: Request;
  readonly id: Id;
  /** Counts connections from 1. */
  readonly connection: number;
  readonly peer: Peer;
  reply(outcome: Outcome): void;
}

export interface Peer {
  push(push: Omit<AvailabilityPush, 'push'>): void;
  /** Says that partitions have moved. */
  moved(map: PartitionMap): void;
  raw(data: string | Uint8Array): void;
  /** Cuts the TCP connection. */
  drop(): void;
  /** Reads nothing more, and so answers nothing more: half open. */
  freeze(): void;
}

export type Script = (received: Received) => void;

export interface ScriptedServer {
  readonly url: string;
  readonly port: number;
  /** All requests but the client's own hellos, in order of arrival. */
  readonly received: Received[];
  /** Connections so far. */
  readonly connections: number;
  /** Reads of the TCP sockets since the upgrade: what the peer wrote together mostly arrives together. */
  readonly chunks: number;
  readonly peers: readonly Peer[];
  /** Headers and offered subprotocols of each upgrade. */
  readonly upgrades: { readonly authorization: string | undefined; readonly protocols: string }[];
  /** The hellos, with their tokens. */
  readonly hellos: { readonly token: string | undefined }[];
  script: Script;
  greeting: () => Outcome;
  /** False: upgrades are refused with 503. */
  accepting: boolean;
  close(): Promise<void>;
}

export const HELLO: HelloReply = {
  ok: true,
  server: 'scripted',
  protocol: 'holdfast.v1',
  region: 'eu-west',
  durability: 'memory',
  limits: {},
  partitions: { count: 1, view: 1 },
};

/** Listens on a free port of the loopback, or on `port`. */
export async function startScriptedServer(script: Script, port = 0): Promise<ScriptedServer> {
  const wss = new WebSocketServer({
    host: '127.0.0.1',
    port,
    handleProtocols: (offered) =>
      [...offered].find((name) => Object.values<string>(SUBPROTOCOL).includes(name)) ?? false,
    verifyClient: (_info, verdict) => verdict(server.accepting, 503),
  });
  const peers: Peer[] = [];
  await new Promise((resolve) => wss.once('listening', resolve));
  const actualPort = (wss.address() as AddressInfo).port;
  const server = {
    url: `ws://127.0.0.1:${actualPort}`,
    port: actualPort,
    received: [] as Received[],
    connections: 0,
    chunks: 0,
    peers,
    upgrades: [] as { authorization: string | undefined; protocols: string }[],
    hellos: [] as { token: string | undefined }[],
    script,
    greeting: (): Outcome => HELLO,
    accepting: true,
    async close(): Promise<void> {
      for (const socket of wss.clients) socket.terminate();
      await new Promise((resolve) => wss.close(resolve));
    },
  } satisfies ScriptedServer;
  wss.on('connection', (socket, request) => {
    const connection = ++server.connections;
    request.socket.on('data', () => {
      server.chunks += 1;
    });
    const { authorization } = request.headers;
    server.upgrades.push({ authorization, protocols: request.headers['sec-websocket-protocol'] ?? '' });
    const encoding: Encoding = socket.protocol === SUBPROTOCOL.msgpack ? 'msgpack' : 'json';
    const peer = peerOf(socket, encoding);
    peers.push(peer);
    socket.on('error', () => undefined);
    socket.on('message', (data) => {
      const { id, request: parsed, form } = decodeRequest(encoding, data as Buffer);
      if ('ok' in parsed) return send(socket, encoding, id, parsed, form);
      if (parsed.op === 'hello') {
        if (id === 'hello') server.hellos.push({ token: parsed.token });
        return send(socket, encoding, id, server.greeting(), form);
      }
      const received: Received = {
        request: parsed,
        id: id as Id,
        connection,
        peer,
        reply: (outcome) => send(socket, encoding, id, outcome, form),
      };
      server.received.push(received);
      server.script(received);
    });
  });
  return server;
}

function peerOf(socket: WebSocket, encoding: Encoding): Peer {
  return {
    push: (push) => socket.send(frame(encodePush(encoding, { push: 'availability', ...push }), encoding)),
    moved: (map) => socket.send(frame(encodePush(encoding, { push: 'moved', ...map }), encoding)),
    raw: (data) => socket.send(data),
    drop: () => socket.terminate(),
    freeze: () => socket.pause(),
  };
}

function send(socket: WebSocket, encoding: Encoding, id: Id | undefined, outcome: Outcome, form: ReplyForm): void {
  socket.send(frame(encodeReply(encoding, id, outcome, form), encoding));
}

/** A copy, as the encoder's buffer is used again; text where the encoding is text. */
function frame(bytes: Uint8Array, encoding: Encoding): string | Buffer {
  const copy = Buffer.from(bytes);
  return encoding === 'json' ? copy.toString('utf8') : copy;
}

/** A reply to any op that the tests use, which tells by `seq` which reply it was. */
export function replyTo(request: Request, seq = 1): Outcome {
  const version = { epoch: 1, seq };
  switch (request.op) {
    case 'reserve':
      return {
        ok: true,
        reservationId: `${seq}.1.${request.region}/${request.sku}`,
        qty: request.qty,
        node: 'ams-1',
        expiresAt: 1_800_000_000_000,
        availableToSell: 5,
        version,
      };
    case 'commit':
      return { ok: true, state: 'COMMITTED', qty: request.qty ?? 1, version };
    case 'release':
      return { ok: true, state: 'RELEASED', version };
    case 'get':
      return {
        ok: true,
        sku: request.sku,
        region: request.region,
        onHand: 5,
        reserved: 0,
        allocated: 0,
        availableToSell: 5,
        nodes: [],
        version,
      };
    case 'subscribe':
    case 'unsubscribe':
      return { ok: true, subscriptions: request.skus.length };
    case 'batch':
      return { ok: true, items: request.items.map(({ request: item }) => ('ok' in item ? item : replyTo(item, seq))) };
    default:
      return failure('BAD_REQUEST', `the scripted server has no reply to ${request.op}`);
  }
}

/** The script of a server that behaves. */
export const behave: Script = ({ request, reply }) => reply(replyTo(request));

export function overloaded(retryAfterMs = 0): Failure {
  return failure('OVERLOADED', 'too much to do', retryAfterMs);
}
