// One WebSocket connection of the generator on a bare TCP socket: upgrade, then frames in and prebuilt bytes out.
// Not a general client: no reconnect, no extensions, no fragmentation. Any surprise ends the run.
import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { FrameScanner, maskedFrame, OPCODE } from './frames.ts';

const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Read by the kernel in one go; large, since a busy server answers hundreds of requests per wake-up. */
const READ_BUFFER_BYTES = 256 * 1024;

export interface LoadSocketEvents {
  /** One message; the bytes are valid only during the call. */
  readonly onMessage: (bytes: Uint8Array, start: number, end: number) => void;
  /** After the last message of a chunk: the time to write what the chunk provoked, in one go. */
  readonly onChunkEnd?: () => void;
  /** The connection ended or broke the protocol before close() was called. */
  readonly onBroken: (reason: string) => void;
}

/** Opens connections to ws://127.0.0.1:port/v1 and resolves when the upgrade is done. */
export class LoadSocket {
  readonly #socket: Socket;
  readonly #events: LoadSocketEvents;
  readonly #scanner: FrameScanner;
  #closing = false;

  static async open(port: number, subprotocol: string, events: LoadSocketEvents): Promise<LoadSocket> {
    const link = new LoadSocket(port, events);
    await link.#upgrade(port, subprotocol);
    return link;
  }

  private constructor(port: number, events: LoadSocketEvents) {
    this.#events = events;
    this.#scanner = new FrameScanner((opcode, bytes, start, end) => this.#onFrame(opcode, bytes, start, end));
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      // One buffer for the life of the connection instead of one per chunk.
      onread: {
        buffer: Buffer.allocUnsafe(READ_BUFFER_BYTES),
        callback: (length, buffer) => this.#onRead(buffer, length),
      },
    });
    this.#socket.on('error', (error) => this.#broken(error.message));
    this.#socket.on('close', () => this.#broken('closed by the server'));
  }

  /** Sends whole frames; the bytes belong to the socket from now on. */
  write(frames: Uint8Array): void {
    this.#socket.write(frames);
  }

  close(): void {
    this.#closing = true;
    this.#socket.end(maskedFrame(OPCODE.close, new Uint8Array([0x03, 0xe8])));
    this.#socket.destroySoon();
  }

  /** While set, received bytes are the response to the upgrade and not yet frames. */
  #onHandshake: ((text: string, rest: Uint8Array) => void) | undefined;
  #head = '';

  async #upgrade(port: number, subprotocol: string): Promise<void> {
    const key = randomBytes(16).toString('base64');
    const accept = createHash('sha1')
      .update(key + WEBSOCKET_GUID)
      .digest('base64');
    const response = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no answer to the upgrade')), HANDSHAKE_TIMEOUT_MS);
      this.#onHandshake = (text, rest) => {
        clearTimeout(timer);
        this.#onHandshake = undefined;
        resolve(text);
        if (rest.length > 0) this.#scanner.push(rest);
      };
      this.#socket.once('error', reject);
      this.#socket.write(
        `GET /v1 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`,
      );
    });
    const headers = response.toLowerCase();
    if (!headers.startsWith('http/1.1 101')) throw new Error(`upgrade refused: ${response.split('\r\n')[0]}`);
    if (!response.includes(accept)) throw new Error('upgrade answered with a wrong accept key');
    if (!headers.includes(`sec-websocket-protocol: ${subprotocol}`)) throw new Error(`${subprotocol} was not accepted`);
  }

  #onRead(buffer: Uint8Array, length: number): boolean {
    try {
      if (this.#onHandshake !== undefined) {
        this.#readHead(buffer, length);
      } else {
        this.#scanner.push(buffer, length);
        this.#events.onChunkEnd?.();
      }
    } catch (error) {
      this.#broken((error as Error).message);
      this.#socket.destroy();
    }
    return true;
  }

  #readHead(buffer: Uint8Array, length: number): void {
    this.#head += Buffer.from(buffer.buffer, buffer.byteOffset, length).toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end >= 0) this.#onHandshake?.(this.#head.slice(0, end), Buffer.from(this.#head.slice(end + 4), 'latin1'));
  }

  #onFrame(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    if (opcode === OPCODE.binary || opcode === OPCODE.text) {
      this.#events.onMessage(bytes, start, end);
    } else if (opcode === OPCODE.ping) {
      this.#socket.write(maskedFrame(OPCODE.pong, bytes.slice(start, end)));
    } else if (opcode === OPCODE.close) {
      const code = end - start >= 2 ? ((bytes[start] as number) << 8) | (bytes[start + 1] as number) : 1005;
      this.#broken(`closed by the server with ${code}`);
    }
  }

  #broken(reason: string): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#events.onBroken(reason);
  }
}
