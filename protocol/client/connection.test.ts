// The socket of the moment, over a platform of the test's own.
import { describe, expect, test } from 'vitest';
import { Connection } from './connection.ts';
import type { TokenSource } from './options.ts';
import type { Platform, TransportHandlers } from './platform.ts';

/** A platform whose sockets the test holds in its hand, and a connection on it. */
function given(token?: TokenSource, tokenInUpgrade = true) {
  const sockets: { handlers: TransportHandlers; token: string | undefined; sent: string[]; ended: boolean }[] = [];
  const heard: string[] = [];
  const platform: Platform = {
    defaultEncoding: 'json',
    tokenInUpgrade,
    dial(_url, _subprotocol, given, handlers) {
      const socket = { handlers, token: given, sent: [] as string[], ended: false };
      const end = (): void => {
        socket.ended = true;
      };
      sockets.push(socket);
      return {
        send: (frames) => socket.sent.push(...frames.map(String)),
        close: (_graceMs, closed) => {
          end();
          closed();
        },
        terminate: end,
      };
    },
    now: () => 0,
    wallNow: () => 0,
    busyMeter: () => () => 0,
    random: () => 0,
    timer: () => () => undefined,
    soon: (task) => task(),
  };
  const connection = new Connection(
    platform,
    { encoding: 'json', token, client: 'test' },
    {
      opened: () => heard.push('opened'),
      message: (data) => heard.push(`message ${data}`),
      lost: (reason) => heard.push(`lost ${reason}`),
    },
  );
  return { connection, sockets, heard };
}

/** All promises that are settled have run their course. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the connection', () => {
  test('given a socket that was given up, then whatever it still says is not heard', () => {
    const { connection, sockets, heard } = given();
    connection.dial('ws://a');
    connection.drop();
    connection.dial('ws://b');

    const [first, second] = sockets;
    first?.handlers.opened();
    first?.handlers.message('late');
    first?.handlers.lost('late');
    second?.handlers.message('now');

    expect(first?.ended).toBe(true);
    expect(heard).toEqual(['message now']);
  });

  test('given a dial while a socket is open, then the old one is ended first', () => {
    const { connection, sockets } = given();

    connection.dial('ws://a');
    connection.dial('ws://b');

    expect(sockets.map(({ ended }) => ended)).toEqual([true, false]);
  });

  test('given a token that comes after the attempt was given up, then nothing is dialled with it', async () => {
    let bring: (token: string) => void = () => undefined;
    const { connection, sockets } = given(() => new Promise((resolve) => (bring = resolve)));
    connection.dial('ws://a');
    await turn();

    connection.drop();
    bring('late');
    await turn();

    expect(sockets).toEqual([]);
  });

  test('given a token source that fails, then the attempt is lost with its reason', async () => {
    const { connection, heard } = given(() => Promise.reject(new Error('vault is sealed')));

    connection.dial('ws://a');
    await turn();

    expect(heard).toEqual(['lost no token: vault is sealed']);
  });

  test.each([
    [true, 'secret', undefined],
    [false, undefined, 'secret'],
  ])(
    'given tokenInUpgrade %s, then the token travels once, in the upgrade (%s) or in hello (%s)',
    (inUpgrade, upgrade, hello) => {
      const { connection, sockets } = given('secret', inUpgrade);

      connection.dial('ws://a');
      connection.greet();

      expect(sockets[0]?.token).toBe(upgrade);
      expect(JSON.parse(sockets[0]?.sent[0] ?? '{}').token).toBe(hello);
    },
  );
});
