// The two encodings of the wire and the WebSocket subprotocols that choose between them.

export type Encoding = 'msgpack' | 'json';

export const SUBPROTOCOL = {
  msgpack: 'holdfast.v1.msgpack',
  json: 'holdfast.v1.json',
} as const satisfies Record<Encoding, string>;
