// TLS between workers: what a certificate, its key and the authority must be, whether a peer's TLS session is a worker's,
// and how failures of TLS read to a person. Reads no file and opens no socket.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** PEM texts. */
export interface MeshTls {
  readonly key: string;
  /** The worker's, and after it those between it and the authority, if any. */
  readonly cert: string;
  /** Both sides show a certificate that this authority signed; names in it are not looked at. Several may stand in it. */
  readonly ca: string;
}

export class MeshTlsUnusable extends Error {
  override readonly name = 'MeshTlsUnusable';
  readonly part: keyof MeshTls;
  /** What to do next. */
  readonly hint: string;

  constructor(part: keyof MeshTls, message: string, hint: string) {
    super(message);
    this.part = part;
    this.hint = hint;
  }
}

/** What is looked at in one file: an authority has a handful of certificates, not a system's whole store. */
const CERTIFICATES_MAX = 64;

/**
 * Finds what every peer would refuse, before one has to.
 * @param now ms since the epoch
 * @throws MeshTlsUnusable
 */
export function checkMeshTls({ cert, key, ca }: MeshTls, now: number): void {
  const chain = certificatesOf(cert, 'cert');
  const authorities = certificatesOf(ca, 'ca');
  const own = chain[0] as X509Certificate;
  if (!own.checkPrivateKey(keyOf(key))) {
    throw new MeshTlsUnusable(
      'key',
      'is not the key of the certificate: what one encrypts the other cannot decrypt',
      'Give the key that the certificate was made with, or make both anew.',
    );
  }
  if (Date.parse(own.validTo) <= now) {
    throw new MeshTlsUnusable('cert', `has expired, on ${own.validTo}`, 'Make a new one with the same authority.');
  }
  if (Date.parse(own.validFrom) > now) {
    throw new MeshTlsUnusable('cert', `is not valid before ${own.validFrom}`, 'Compare the clock of this host.');
  }
  if (!isSigned(own, chain.slice(1), authorities)) {
    throw new MeshTlsUnusable(
      'cert',
      `was not signed by the authority: its issuer is ${oneLine(own.issuer)}, and the authority's file has ${authorities.map(({ subject }) => oneLine(subject)).join(', ')}`,
      'All workers show certificates of one authority; those between it and the certificate, if any, stand in the certificate’s file after it.',
    );
  }
}

/** Why the peer of an accepted connection is no worker; undefined: it is one, as far as TLS can tell. */
export function refusalOf(socket: TLSSocket): string | undefined {
  // With TLS 1.3, Node takes every resumed session for authorized, also one that showed no certificate when it began.
  // Workers never resume.
  if (socket.isSessionReused()) return 'it resumes a TLS session, which no worker does';
  if (Object.keys(socket.getPeerCertificate()).length === 0) return 'no certificate was shown';
  if (socket.authorized) return undefined;
  return certificateFailure(String(socket.authorizationError));
}

/** What went wrong before a TLS session stood, for whoever reads the log. */
export function describeTlsFailure(error: Error): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_HTTP_REQUEST') {
    return `it speaks no TLS, and this worker does: ${ALL_OR_NONE}`;
  }
  if (CERTIFICATE_CODES.test(code)) return certificateFailure(code);
  if (code === 'ECONNRESET') {
    return 'it broke off the TLS handshake; when it does not trust the certificate of this worker, its own log says so';
  }
  return error.message.trim() || error.name;
}

const ALL_OR_NONE = 'give TLS to all workers of the cluster, or to none';
/** Why a connection ended before a hello, when the listener speaks TLS: it can say nothing that a plain dialer reads. */
export const HUNG_UP = 'it hung up without a word; if it speaks TLS, this worker must too';
/** A dialer with TLS, on a listener without. */
export const SPEAKS_TLS = `it speaks TLS, and this worker does not: ${ALL_OR_NONE}`;

/** The first bytes of a TLS record: a handshake or an alert. A frame of a hello that begins so would be too long. */
export function isTlsRecord(chunk: Uint8Array): boolean {
  return chunk.length >= 2 && (chunk[0] === 0x16 || chunk[0] === 0x15) && chunk[1] === 0x03;
}

/** As OpenSSL names what it finds wrong with a certificate. */
const CERTIFICATE_CODES = /CERT|CRL|SIGNATURE|CHAIN|ISSUER|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH/;

function certificateFailure(code: string): string {
  if (code === 'CERT_HAS_EXPIRED') return 'the certificate that was shown has expired';
  if (code === 'CERT_NOT_YET_VALID') return 'the certificate that was shown is not valid yet: compare the clocks';
  return `the certificate that was shown is not one of this cluster's authority (${code})`;
}

function certificatesOf(pem: string, part: 'cert' | 'ca'): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0 || blocks.length > CERTIFICATES_MAX) {
    throw new MeshTlsUnusable(
      part,
      blocks.length === 0 ? 'holds no certificate' : `holds ${blocks.length} certificates`,
      'It takes PEM: lines between -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----.',
    );
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw new MeshTlsUnusable(part, `is damaged: ${(error as Error).message}`, 'Copy or make it anew.');
  }
}

function keyOf(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const isLocked = /ENCRYPTED/.test(pem);
    throw new MeshTlsUnusable(
      'key',
      isLocked
        ? 'is protected by a passphrase, which nobody is there to type'
        : `is no key: ${(error as Error).message}`,
      isLocked
        ? 'Write it without one (openssl pkey -in KEY -out NEW), readable by this user alone.'
        : 'It takes PEM: lines between -----BEGIN PRIVATE KEY----- and -----END PRIVATE KEY-----.',
    );
  }
}

/** Whether a chain leads from the certificate to an authority. */
function isSigned(
  own: X509Certificate,
  between: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): boolean {
  let last = own;
  for (let step = 0; step <= between.length; step++) {
    const isIssuer = (other: X509Certificate): boolean => last.checkIssued(other) && last.verify(other.publicKey);
    if (authorities.some(isIssuer)) return true;
    const next = between.find(isIssuer);
    if (next === undefined) return false;
    last = next;
  }
  return false;
}

function oneLine(name: string): string {
  return name.replaceAll('\n', ', ');
}
