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
  decode(data: Uint8Array | ArrayBuffer): string {
    let escaped = '';
    for (const byte of new Uint8Array(data)) escaped += `%${byte.toString(16).padStart(2, '0')}`;
    return decodeURIComponent(escaped);
  }
}

const globals = globalThis as { TextEncoder?: unknown; TextDecoder?: unknown };
globals.TextEncoder ??= Encoder;
globals.TextDecoder ??= Decoder;
