// Starts scripted servers and clients for a test and ends them after it, whatever it left open.
import { afterEach, expect } from 'vitest';
import type { HoldfastClient } from '../client.ts';
import type { ClientEvents } from '../events.ts';
import { connect, HoldfastError } from '../index.ts';
import type { ConnectOptions } from '../options.ts';
import type { Received, Script, ScriptedServer } from './scripted-server.ts';
import { startScriptedServer } from './scripted-server.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

/** Waits short enough that a test of twenty reconnects takes a moment. */
export const FAST: Partial<ConnectOptions> = {
  timeoutMs: 8_000,
  reconnectBackoff: { baseMs: 2, capMs: 20 },
  retryBackoff: { baseMs: 2, capMs: 20 },
};

export async function givenServer(script: Script, port = 0): Promise<ScriptedServer> {
  const server = await startScriptedServer(script, port);
  open.push(server);
  return server;
}

export async function givenClient(
  server: ScriptedServer,
  options: Partial<ConnectOptions> = {},
): Promise<HoldfastClient> {
  const client = await connect({ ...FAST, url: server.url, ...options });
  open.push({ close: () => client.close({ drainMs: 0 }) });
  return client;
}

/** Resolves at the next event of that type. */
export function next<K extends keyof ClientEvents>(client: HoldfastClient, type: K): Promise<ClientEvents[K]> {
  return new Promise((resolve) => {
    const stop = client.on(type, (event) => {
      stop();
      resolve(event);
    });
  });
}

/** The error a call ends with; fails the test if it ends well. */
export async function refusalOf(promise: Promise<unknown>): Promise<HoldfastError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HoldfastError);
  return error as HoldfastError;
}

/** The requestIds of what arrived, in order of arrival. */
export function requestIdsOf(received: readonly Received[]): (string | undefined)[] {
  return received.map(({ request }) => ('requestId' in request ? request.requestId : undefined));
}

/** A script for each request in turn; the last one serves all that follow. */
export function inTurn(...scripts: readonly Script[]): Script {
  let at = 0;
  return (received) => {
    const script = scripts[Math.min(at, scripts.length - 1)];
    at += 1;
    script?.(received);
  };
}
