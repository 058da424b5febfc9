// UTF-8 for the codec of the protocol, which asks for TextEncoder and TextDecoder when it is loaded: k6 has neither. To be
// imported before it.

class Encoder {
  encode(text: string): Uint8Array {
    const escaped = encodeURIComponent(text);
    const bytes: number[] = [];
    for (let i = 0; i < escaped.length; i++) {
      if (escaped[i] === '%') {
        bytes.push(Number.parseInt(escaped.slice(i + 1, i + 3), 16));
        i += 2;
      } else bytes.push(escaped.charCodeAt(i));
    }
    return new Uint8Array(bytes);
  }
}

class Decoder {
  /** Byte by byte in JavaScript only where it must be: nearly all that the grid says is ASCII. */
  decode(data: Uint8Array | ArrayBuffer): string {
    const bytes = new Uint8Array(data) as unknown as number[];
    const text: string = String.fromCharCode.apply(null, bytes);
    return NOT_ASCII.test(text) ? decodeURIComponent(text.replace(NOT_ASCII_ALL, escaped)) : text;
  }
}

const NOT_ASCII = /[^\0-\x7f]/;
/** And what decodeURIComponent would take for an escape. */
const NOT_ASCII_ALL = /[^\0-\x7f]|%/g;

function escaped(unit: string): string {
  return `%${unit.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

const globals = globalThis as { TextEncoder?: unknown; TextDecoder?: unknown };
globals.TextEncoder ??= Encoder;
globals.TextDecoder ??= Decoder;
