// A carrier over HTTP that does what it is asked for and then drops the call, or never answers: it has one parcel of a package, and the
// journey one booking.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createHttpCarrier } from '../carriers/http/carrier.ts';
import type { BookRequest } from '../carriers/port.ts';
import { always, givenPacked } from './testing/packed.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

test.each(['drops', 'never answers'] as const)(
  'given a carrier that %s the first six calls to book, then it has booked once, and the order is booked once',
  async (how) => {
    const parcels = new Map<string, BookRequest>();
    let calls = 0;
    server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const key = String(request.headers['idempotency-key']);
      const asked = JSON.parse(text) as BookRequest;
      const before = parcels.get(key);
      // A repetition has to ask for the same, as real carriers insist.
      if (before !== undefined && JSON.stringify(before) !== text) return void response.writeHead(409).end('{}');
      parcels.set(key, asked);
      calls += 1;
      if (calls <= 6) return how === 'drops' ? void request.socket.destroy() : undefined;
      const { shipmentId, service } = asked;
      const times = { pickupAt: Date.now(), estimatedDeliveryAt: Date.now() + 1_000 };
      response.end(JSON.stringify({ trackingId: `T${parcels.size}`, shipmentId, service, cost: 500, ...times }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const world = await givenPacked(always({ action: 'escalate' }));
    const options = { attempts: 2, backoffMs: 1, timeoutMs: 100, failuresUntilOpen: 100 };
    world.carriers.set('acme', createHttpCarrier({ carrier: 'acme', url, ...options }));

    for (let n = 0; n < 4; n++) {
      await world.work('o-1', 'book');
      world.moveTo(world.clock.now() + 1_800_000);
    }

    expect([...parcels.values()]).toHaveLength(1);
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', trackingId: 'T1' }]);
    const types = world.grid.journey('o-1').map(({ type }) => type);
    expect(types.filter((type) => type === 'booked')).toHaveLength(1);
    expect(types.filter((type) => type === 'exceptionOpened').length).toBeLessThanOrEqual(1);
    expect(world.detail('o-1').exceptions.every(({ state }) => state === 'SETTLED')).toBe(true);
  },
);
