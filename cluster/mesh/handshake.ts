// Who is at the other end of a link: what both sides say, what is refused, and the proof that both know the secret.
// Draws nothing and sends nothing.
import { createHmac, timingSafeEqual } from 'node:crypto';

/** Of frames, handshake and messages. Links between different ones are refused. */
export const MESH_PROTOCOL = 2;

const TEXT_CHARS_MAX = 1_024;
const REASON_CHARS_MAX = 300;

export type Role = 'dialer' | 'acceptor';

export interface Hello {
  readonly protocol: number;
  /** Workers of different clusters refuse each other. */
  readonly cluster: string;
  /** Where others reach the sender. */
  readonly address: string;
  /** Of the sender's process: another one at the same address is another worker. */
  readonly instance: string;
  /** Drawn for this link. */
  readonly nonce: string;
}

/** The peer is not one to speak with; the message says why. */
export class PeerRefused extends Error {
  override readonly name = 'PeerRefused';
}

export function encodeHello(hello: Hello): Buffer {
  return Buffer.from(JSON.stringify(hello));
}

/** @throws PeerRefused */
export function decodeHello(bytes: Buffer): Hello {
  let said: Partial<Record<keyof Hello, unknown>> | null;
  try {
    said = JSON.parse(bytes.toString());
  } catch {
    throw new PeerRefused('its hello is no JSON');
  }
  const { protocol, cluster, address, instance, nonce } = said ?? {};
  // Another version may say other things: its number is looked at before the rest.
  if (protocol !== MESH_PROTOCOL) {
    throw new PeerRefused(
      `it speaks mesh protocol ${printable(JSON.stringify(protocol) ?? 'unknown')}, not ${MESH_PROTOCOL}`,
    );
  }
  if (!isText(cluster) || !isText(address) || !isText(instance) || !isText(nonce)) {
    throw new PeerRefused('its hello lacks the cluster, an address, the instance or the nonce');
  }
  return { protocol, cluster, address, instance, nonce };
}

/** @param dialled where the peer was dialled, if it was. @throws PeerRefused */
export function checkHello(own: Hello, peer: Hello, dialled: string | undefined): void {
  if (peer.cluster !== own.cluster) {
    throw new PeerRefused(`a worker of another cluster: ${printable(peer.cluster)}, not ${own.cluster}`);
  }
  if (dialled !== undefined && peer.address !== dialled) {
    throw new PeerRefused(`${dialled} was dialled, and it says that it is reached at ${printable(peer.address)}`);
  }
}

/**
 * The proof of one side: an HMAC-SHA256 by the secret over the side's role, both hellos as they were sent (with their
 * nonces and addresses) and what binds them to the channel, so that it fits no other link and not the other side.
 * @param binding exported from the TLS session (RFC 9266); empty without TLS
 */
export function proofOf(role: Role, dialer: Buffer, acceptor: Buffer, binding: Buffer, secret: string): Buffer {
  const said = [role, dialer.toString('base64'), acceptor.toString('base64'), binding.toString('base64')];
  return createHmac('sha256', secret).update(said.join('\n')).digest();
}

/** @throws PeerRefused */
export function checkProof(given: Buffer, expected: Buffer): void {
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new PeerRefused('it does not know the secret of this cluster: all workers must be given the same one');
  }
}

/** Text of a peer that nothing is known of, to be logged. */
export function printable(text: string): string {
  return text.slice(0, REASON_CHARS_MAX).replace(/[^\x20-\x7e]/g, '?');
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= TEXT_CHARS_MAX;
}
