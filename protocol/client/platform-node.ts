// The client's platform in Node: package ws, msgpack frames unless told otherwise. Not reachable from the browser's entry point.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { WebSocket } from 'ws';
import { REPLY_BYTES_MAX } from './options.ts';
import type { Platform, Transport, TransportHandlers, UpgradeRefusal } from './platform.ts';

/** Of the body of a refused upgrade: a message with room to spare. */
const REFUSAL_LENGTH_MAX = 4_096;

export const nodePlatform: Platform = {
  defaultEncoding: 'msgpack',
  tokenInUpgrade: true,
  dial,
  now: () => performance.now(),
  wallNow: () => Date.now(),
  busyMeter() {
    let before = performance.eventLoopUtilization();
    return () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    };
  },
  random: () => Math.random(),
  timer(afterMs, fire) {
    const handle = setTimeout(fire, afterMs);
    return () => clearTimeout(handle);
  },
  // Not a microtask: answers read from several sockets in one turn of the loop lead to one write each.
  soon: (task) => void setImmediate(task),
};

function dial(url: string, subprotocol: string, token: string | undefined, handlers: TransportHandlers): Transport {
  const socket = new WebSocket(url, [subprotocol], {
    // Frames are small and latency counts; nothing here gains from deflate.
    perMessageDeflate: false,
    maxPayload: REPLY_BYTES_MAX,
    followRedirects: false,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
  });
  let speaking = true;
  let trouble = '';
  let refusal: UpgradeRefusal | undefined;
  let tcp: Socket | undefined;
  socket.on('upgrade', (response) => {
    tcp = response.socket;
  });
  socket.on('open', () => handlers.opened());
  socket.on('message', (data, isBinary) => {
    if (speaking) handlers.message(isBinary ? (data as Buffer) : (data as Buffer).toString('utf8'));
  });
  socket.on('unexpected-response', (_request, response) => {
    if (response.statusCode === 401) refusal = 'UNAUTHENTICATED';
    if (response.statusCode === 403) refusal = 'FORBIDDEN';
    void refusalText(response).then((text) => {
      trouble = `the upgrade was answered with HTTP ${response.statusCode}${text}`;
      socket.terminate();
    });
  });
  socket.on('error', (error) => {
    trouble ||= describe(error);
  });
  socket.on('close', (code, reason) => {
    if (!speaking) return;
    speaking = false;
    const text = reason.toString();
    handlers.lost(trouble || `closed with ${code}${text === '' ? '' : ` (${text})`}`, refusal);
  });
  return {
    send(frames) {
      if (socket.readyState !== WebSocket.OPEN) return;
      // One system call for all of them.
      tcp?.cork();
      for (const frame of frames) socket.send(frame);
      tcp?.uncork();
    },
    close(graceMs, closed) {
      speaking = false;
      if (socket.readyState === WebSocket.CLOSED) return closed();
      const timer = setTimeout(() => socket.terminate(), graceMs);
      socket.once('close', () => {
        clearTimeout(timer);
        closed();
      });
      socket.close(1000);
    },
    terminate() {
      speaking = false;
      socket.terminate();
    },
  };
}

/** The grid says in the body what to change, others do not. What hangs is ended by the attempt's time-out. */
async function refusalText(response: IncomingMessage): Promise<string> {
  let body = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      body += chunk;
      if (body.length > REFUSAL_LENGTH_MAX) break;
    }
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === 'string' ? `: ${message}` : '';
  } catch {
    return '';
  }
}

/** Node gives an AggregateError without a message when several addresses refuse. */
function describe(error: Error & { code?: string }): string {
  return error.message || error.code || error.name;
}
