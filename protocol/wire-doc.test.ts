// Holds WIRE.md to the code: every example, every bound, every code and every field on that page.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeServerMessage, encodeRequest } from './client-codec.ts';
import { decodeRequest, encodeReply } from './codec.ts';
import { FORM_POSITIONAL, type HotOp, OP_CODES, REQUEST_FIELDS } from './compact.ts';
import * as protocol from './index.ts';
import { type Id, type Outcome, RETRIABLE, type WireRequest } from './index.ts';
import { FIELDS, OPS } from './schema.ts';

const page = readFileSync(new URL('WIRE.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, kind, body]) => ({
  kind,
  body: body as string,
}));
const messages = blocks
  .filter(({ kind }) => kind === 'json')
  .flatMap(({ body }) => body.trim().split('\n'))
  .map((text) => ({ text, value: JSON.parse(text) as Record<string, unknown> }));
const requests = messages.filter(({ value }) => 'op' in value);
const replies = messages.filter(({ value }) => !('op' in value));
const positional = blocks.filter(({ kind }) => kind === 'positional').map(({ body }) => parsePositional(body));

function parsePositional(body: string) {
  const [title = '', ...lines] = body.trim().split('\n');
  const json = title.slice(title.indexOf('{'));
  const [kind = '', op = ''] = title.slice(0, title.indexOf('{')).trim().split(' ');
  const hex = lines.map((line) => line.replace(/#.*/, '')).join(' ');
  return { kind, op: op as HotOp, value: JSON.parse(json), hex: hex.replaceAll(/\s+/g, ' ').trim() };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replaceAll(/(..)(?=.)/g, '$1 ');
}

describe('WIRE.md', () => {
  test('every op has a section that names every field, and an example', () => {
    for (const op of OPS) {
      const section = page.split(`\n### ${op}\n`)[1]?.split('\n##')[0];
      expect(section, op).toBeDefined();
      if (op === 'unsubscribe') expect(section).toContain('as `subscribe`');
      else for (const field of FIELDS[op]) expect(section, op).toContain(`\`${field}\``);
      expect(requests.map(({ value }) => value.op)).toContain(op);
    }
  });

  test.each(requests)('the request $text is accepted in both encodings', ({ text, value }) => {
    const json = decodeRequest('json', new TextEncoder().encode(text));
    expect(json.request).not.toHaveProperty('ok');
    const { id, ...request } = value;
    const msgpack = decodeRequest(
      'msgpack',
      encodeRequest('msgpack', id as Id, request as unknown as WireRequest) as Uint8Array,
    );
    expect({ id: msgpack.id, request: msgpack.request }).toEqual({ id: json.id, request: json.request });
  });

  test.each(replies)('the client reads $text', ({ text, value }) => {
    const { id, ...outcome } = value;
    expect(decodeServerMessage('json', text)).toEqual(
      'push' in value ? { kind: 'push', push: value } : { kind: 'reply', id, outcome },
    );
  });

  test.each(positional)('the bytes of the positional $kind $op are these: $hex', ({ kind, op, value, hex }) => {
    const { id, ...rest } = value;
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    if (kind === 'request') {
      expect(hexOf(encodeRequest('msgpack', id, rest) as Uint8Array)).toBe(hex);
      expect(decodeRequest('msgpack', bytes)).toMatchObject({
        id,
        request: rest,
        form: FORM_POSITIONAL | OP_CODES[rest.op as HotOp],
      });
    } else {
      expect(hexOf(encodeReply('msgpack', id, rest as Outcome, FORM_POSITIONAL | OP_CODES[op]))).toBe(hex);
      expect(decodeServerMessage('msgpack', bytes)).toEqual({ kind: 'reply', id, outcome: rest });
    }
  });

  test('the table of positional fields is that of the codec', () => {
    for (const op of Object.keys(OP_CODES) as HotOp[]) {
      expect(page).toContain(`| \`${op}\` | ${OP_CODES[op]} | \`${REQUEST_FIELDS[op].join(', ')}\` |`);
    }
  });

  test('every code is listed with whether it is retriable', () => {
    const listed = [...page.matchAll(/^\| `([A-Z_]+)` \| (yes|no) \|/gm)].map(([, code, retriable]) => [
      code,
      retriable === 'yes',
    ]);
    expect(Object.fromEntries(listed)).toEqual(RETRIABLE);
  });

  test('every bound is listed with its value', () => {
    const listed = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)].map(([, name, value]) => [name, Number(value)]);
    expect(listed.length).toBeGreaterThan(20);
    const known = protocol as unknown as Record<string, unknown>;
    for (const [name, value] of listed) expect(known[name as string], name as string).toBe(value);
  });
});
