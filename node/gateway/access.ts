// Who may talk to the gateway: bearer tokens, and which web pages may reach it through their visitor's browser.
// Decides only; the sockets are elsewhere.
//
// A grid without credentials listens on loopback, and every page the user has open can reach loopback too. So:
// - a browser says which page asks (Origin). Pages from localhost, from configured origins and, where credentials
//   are needed, from the gateway's own host may connect; `null` and all others may not;
// - a page may point its own name at 127.0.0.1 and so make itself same-origin. On a loopback listener without
//   credentials the Host header must therefore be a loopback name or that of a configured origin.
// Programs outside browsers send no Origin and are not concerned.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Encoding } from '../../protocol/codec.ts';
import { SUBPROTOCOL } from '../../protocol/codec.ts';

export interface AccessOptions {
  /** The token that clients must show; none: everybody who can reach the listener may. */
  readonly token?: string;
  /** Further origins whose pages may connect, as browsers write them: `https://console.example.com`. */
  readonly allowedOrigins?: readonly string[];
}

export class Access {
  /** Whether a token is needed. */
  readonly required: boolean;
  readonly #tokenDigest: Buffer | undefined;
  readonly #origins: ReadonlySet<string>;
  readonly #hosts: ReadonlySet<string>;
  readonly #checksHost: boolean;

  /** @param host the address the gateway listens on */
  constructor(options: AccessOptions, host: string) {
    this.#tokenDigest = options.token === undefined ? undefined : digest(options.token);
    this.required = this.#tokenDigest !== undefined;
    this.#origins = new Set((options.allowedOrigins ?? []).map((origin) => origin.toLowerCase()));
    this.#hosts = new Set([...this.#origins].map((origin) => parseHost(origin)?.hostname ?? ''));
    this.#checksHost = !this.required && isLoopback(host);
  }

  /** Compares in constant time: digests have one length, so not even the token's length shows. */
  accepts(token: string): boolean {
    return this.#tokenDigest === undefined || timingSafeEqual(digest(token), this.#tokenDigest);
  }

  /** The token of an `Authorization` header; undefined where there is none. */
  bearerOf(header: string): string | undefined {
    return /^bearer +(\S+) *$/i.exec(header)?.[1];
  }

  /** Why a request with these headers must be refused; undefined when it may pass. Empty strings: not sent. */
  refusal(origin: string, host: string): string | undefined {
    const hostName = parseHost(`http://${host}`)?.hostname;
    if (
      this.#checksHost &&
      host !== '' &&
      !(hostName !== undefined && (isLoopback(hostName) || this.#hosts.has(hostName)))
    ) {
      return `this grid needs no credentials and so answers to loopback names only, not to ${quote(host)}; connect to 127.0.0.1 or localhost, or configure a token`;
    }
    if (origin === '' || this.#origins.has(origin.toLowerCase())) return undefined;
    const page = origin === 'null' ? undefined : parseHost(origin);
    if (page !== undefined && isLoopback(page.hostname)) return undefined;
    if (page !== undefined && this.required && page.host === host.toLowerCase()) return undefined;
    return `pages from ${quote(origin)} may not use this grid; add the origin to the allowed ones`;
  }
}

/** What the client offered under Sec-WebSocket-Protocol, and which of it to use. */
export interface Offer {
  readonly encoding: Encoding;
  /** To be echoed; empty when none of ours was offered. */
  readonly protocol: string;
  /** From a `bearer.<token>` entry. */
  readonly token: string | undefined;
}

/** Chooses the first subprotocol we speak; undefined when there are only ones we do not. */
export function chooseSubprotocol(header: string): Offer | undefined {
  let token: string | undefined;
  let encoding: Encoding | undefined;
  let unknown = false;
  for (const part of header.split(',')) {
    const name = part.trim();
    if (name === '') continue;
    if (name.startsWith('bearer.')) token = name.slice('bearer.'.length);
    else if (name === SUBPROTOCOL.msgpack) encoding ??= 'msgpack';
    else if (name === SUBPROTOCOL.json) encoding ??= 'json';
    else unknown = true;
  }
  if (encoding !== undefined) return { encoding, protocol: SUBPROTOCOL[encoding], token };
  return unknown ? undefined : { encoding: 'json', protocol: '', token };
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function parseHost(origin: string): URL | undefined {
  try {
    return new URL(origin);
  } catch {
    return undefined;
  }
}

function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase();
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    name === '[::1]' ||
    /^127(\.\d{1,3}){3}$/.test(name)
  );
}

/** What a stranger sent, fit for a message: short and printable. */
function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
