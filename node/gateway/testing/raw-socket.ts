// A TCP socket that can say anything, for frames and requests that no client library would send.
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';

export interface FrameOptions {
  /** Default true. */
  readonly isFinal?: boolean;
  /** Default true; a client must. */
  readonly isMasked?: boolean;
  readonly reservedBits?: number;
  /** Instead of the payload's own. */
  readonly claimedLength?: bigint;
}

export const TEXT = 1;
export const BINARY = 2;
export const CONTINUATION = 0;
export const CLOSE = 8;
export const PING = 9;

/** One frame as bytes. The mask is zero, so that the payload stays readable. */
export function frame(opcode: number, payload: Uint8Array | string, options: FrameOptions = {}): Buffer {
  const body = Buffer.from(payload as string);
  const length = options.claimedLength ?? BigInt(body.length);
  const isMasked = options.isMasked ?? true;
  const first = ((options.isFinal ?? true) ? 0x80 : 0) | ((options.reservedBits ?? 0) << 4) | opcode;
  const maskBit = isMasked ? 0x80 : 0;
  let head: Buffer;
  if (length < 126n) {
    head = Buffer.from([first, maskBit | Number(length)]);
  } else if (length < 65_536n) {
    head = Buffer.from([first, maskBit | 126, 0, 0]);
    head.writeUInt16BE(Number(length), 2);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = maskBit | 127;
    head.writeBigUInt64BE(length, 2);
  }
  return Buffer.concat([head, isMasked ? Buffer.alloc(4) : Buffer.alloc(0), body]);
}

export class RawSocket {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  received = Buffer.alloc(0);
  #wake: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      for (const wake of this.#wake.splice(0)) wake();
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        resolve();
        for (const wake of this.#wake.splice(0)) wake();
      });
    });
  }

  static async connect(port: number): Promise<RawSocket> {
    const socket = connectTcp(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawSocket(socket);
  }

  /** Upgrades; afterwards `received` starts behind the handshake. */
  async upgrade(subprotocol: string): Promise<void> {
    this.socket.write(
      `GET /v1 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`,
    );
    const head = await this.until((received) => received.includes('\r\n\r\n'));
    if (!head.toString().startsWith('HTTP/1.1 101')) throw new Error(head.toString());
    this.received = this.received.subarray(this.received.indexOf('\r\n\r\n') + 4);
  }

  /** Resolves with all that was received once it satisfies the condition. */
  async until(isEnough: (received: Buffer) => boolean): Promise<Buffer> {
    while (!isEnough(this.received)) {
      if (this.socket.closed) throw new Error(`closed after ${JSON.stringify(this.received.toString('latin1'))}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    return this.received;
  }

  destroy(): void {
    this.socket.destroy();
  }
}
