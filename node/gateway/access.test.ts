// Credentials and origins: who gets in, on every engine that loads here.
import { describe, expect, test } from 'vitest';
import { Access, chooseSubprotocol } from './access.ts';
import { engines, start, stopAfterEach } from './testing/setup.ts';

stopAfterEach();

const GET = { op: 'get', sku: 'LAMP', region: 'eu-west' };
const TOKEN = 'correct-horse.battery~staple';
const AUTH = { token: TOKEN };
const JSON_PROTOCOL = 'holdfast.v1.json';

describe('who may reach a grid', () => {
  const open = new Access({ allowedOrigins: ['https://shop.example'] }, '127.0.0.1');
  const closed = new Access({ token: TOKEN }, '0.0.0.0');

  test.each([
    ['a program', '', '127.0.0.1:7400'],
    ['a local page', 'http://localhost:7480', 'localhost:7400'],
    ['a local page by address', 'http://127.0.0.1:7480', '127.0.0.1:7400'],
    ['a local page by IPv6', 'http://[::1]:7480', '[::1]:7400'],
    ['a configured page', 'https://shop.example', '127.0.0.1:7400'],
  ])('given no credentials, when %s asks, then it may', (_name, origin, host) => {
    expect(open.refusal(origin, host)).toBeUndefined();
  });

  test.each([
    ['a page from elsewhere', 'https://evil.example', '127.0.0.1:7400'],
    ['a sandboxed page', 'null', '127.0.0.1:7400'],
    ['a page whose name points here', 'http://evil.example:7400', 'evil.example:7400'],
    ['a read by a page whose name points here', '', 'evil.example:7400'],
    ['a name that only looks local', 'http://localhost.evil.example', '127.0.0.1:7400'],
    ['nonsense', 'http://', '127.0.0.1:7400'],
  ])('given no credentials, when %s asks, then it may not', (_name, origin, host) => {
    expect(open.refusal(origin, host)).toMatch(/may not use|loopback names only/);
  });

  test('given credentials, when a page asks, then its own host may and others may not', () => {
    expect(closed.refusal('https://grid.example:7400', 'grid.example:7400')).toBeUndefined();
    expect(closed.refusal('https://evil.example', 'grid.example:7400')).toMatch(/may not use/);
  });

  test('given tokens, when they are compared, then only the right one is accepted', () => {
    expect(closed.accepts(TOKEN)).toBe(true);
    for (const wrong of ['', TOKEN.slice(1), `${TOKEN}x`, TOKEN.toUpperCase()])
      expect(closed.accepts(wrong)).toBe(false);
    expect(closed.bearerOf(`Bearer ${TOKEN}`)).toBe(TOKEN);
    expect(closed.bearerOf('Basic abc')).toBeUndefined();
  });

  test('given subprotocols, when one is chosen, then it is the first we speak, and a token is no protocol', () => {
    expect(chooseSubprotocol('')).toEqual({ encoding: 'json', protocol: '', token: undefined });
    expect(chooseSubprotocol('bearer.abc')).toEqual({ encoding: 'json', protocol: '', token: 'abc' });
    expect(chooseSubprotocol('bearer.abc, holdfast.v1.msgpack')).toMatchObject({ encoding: 'msgpack', token: 'abc' });
    expect(chooseSubprotocol('bearer.abc, soap')).toBeUndefined();
  });
});

describe.each(engines)('on $name', (engine) => {
  test('given a token is needed, when it comes on the upgrade, then the connection is served', async () => {
    const { connect } = await start({ engine, auth: AUTH });
    const byHeader = await connect({ headers: { authorization: `Bearer ${TOKEN}` } });
    expect(await byHeader.ask(GET)).toMatchObject({ ok: true });
    const byProtocol = await connect({ protocols: [`bearer.${TOKEN}`, JSON_PROTOCOL] });
    expect(byProtocol.socket.protocol, 'the token is not echoed').toBe(JSON_PROTOCOL);
    expect(await byProtocol.ask(GET)).toMatchObject({ ok: true });
  });

  test('given a token is needed, when a wrong one comes on the upgrade, then it is refused', async () => {
    const { connect } = await start({ engine, auth: AUTH });
    await expect(connect({ headers: { authorization: 'Bearer wrong' } })).rejects.toThrow(/401 .*UNAUTHENTICATED/);
    await expect(connect({ protocols: ['bearer.wrong', JSON_PROTOCOL] })).rejects.toThrow(/401/);
  });

  test('given a token is needed, when it comes with hello, then requests are served from then on', async () => {
    const { connect } = await start({ engine, auth: AUTH });
    const client = await connect({ encoding: 'msgpack' });
    expect(await client.ask(GET)).toMatchObject({ ok: false, code: 'UNAUTHENTICATED' });
    expect(await client.ask({ op: 'hello', token: TOKEN })).toMatchObject({ ok: true, region: 'eu-west' });
    expect(await client.ask(GET)).toMatchObject({ ok: true });
  });

  test('given a token is needed, when hello brings a wrong one, then it is told so and closed', async () => {
    const { connect, grid } = await start({ engine, auth: AUTH });
    const client = await connect();
    expect(await client.ask({ op: 'hello', token: 'wrong' })).toMatchObject({ ok: false, code: 'UNAUTHENTICATED' });
    expect(await client.closed).toMatchObject({ code: 1008 });
    expect(grid.submitted).toBe(0);
  });

  test('given a token is needed, when nobody says hello in time, then the connection is closed', async () => {
    const { connect, metric } = await start({ engine, auth: AUTH, limits: { helloTimeoutMs: 100 } });
    const silent = await connect();
    const authenticated = await connect({ headers: { authorization: `Bearer ${TOKEN}` } });
    expect(await silent.closed).toMatchObject({ code: 1008, reason: 'no hello within 100 ms' });
    expect(await authenticated.ask(GET)).toMatchObject({ ok: true });
    expect(await metric('holdfast_connections_closed_total{reason="hello_timeout"}')).toBe(1);
  });

  test('given a token is needed, when HTTP asks, then the API needs it and probes do not', async () => {
    const { port } = await start({ engine, auth: AUTH });
    const url = `http://127.0.0.1:${port}`;
    const refused = await fetch(`${url}/v1/status`);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    const post = { method: 'POST', body: JSON.stringify(GET) };
    expect((await fetch(`${url}/v1/requests`, post)).status).toBe(401);
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await fetch(`${url}/v1/requests`, { ...post, headers })).status).toBe(200);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test('given no credentials, when a page from elsewhere reaches out, then it is refused on every way', async () => {
    const { connect, grid, port } = await start({ engine });
    const origin = 'https://evil.example';
    await expect(connect({ headers: { origin } })).rejects.toThrow(/403 .*evil\.example/);
    const url = `http://127.0.0.1:${port}/v1/requests`;
    const posted = await fetch(url, { method: 'POST', body: JSON.stringify(GET), headers: { origin } });
    expect(posted.status).toBe(403);
    expect(posted.headers.get('access-control-allow-origin')).toBeNull();
    expect(grid.submitted).toBe(0);
  });

  test('given no credentials, when a local page reaches out, then it is served and may read the answer', async () => {
    const { connect, port } = await start({ engine });
    const origin = 'http://localhost:7480';
    const client = await connect({ headers: { origin } });
    expect(await client.ask(GET)).toMatchObject({ ok: true });
    const url = `http://127.0.0.1:${port}/v1/requests`;
    const preflight = await fetch(url, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([
      204,
      'authorization, content-type',
    ]);
    const posted = await fetch(url, { method: 'POST', body: JSON.stringify(GET), headers: { origin } });
    expect([posted.status, posted.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
  });
});
