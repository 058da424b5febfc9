// Ids and keys of orders as carriers take them: printable ASCII of a bounded length, while an orderId may be of any script.
import { createHash } from 'node:crypto';
import { ID_LENGTH_MAX, IDEMPOTENCY_KEY_LENGTH_MAX } from '../carriers/limits.ts';

const LENGTH_MAX = Math.min(ID_LENGTH_MAX, IDEMPOTENCY_KEY_LENGTH_MAX);
/** `%` too, so that no two names become one. */
const FOREIGN = /[^\x21-\x7e]|%/gu;

/** The same for the same name, and another for another: percent-encoded as UTF-8 where it has to be, its SHA-256 where that is too long. */
export function carrierIdOf(name: string): string {
  const id = name.replace(FOREIGN, encodeURIComponent);
  return id.length <= LENGTH_MAX ? id : `sha256:${createHash('sha256').update(name).digest('hex')}`;
}

/** What `carrierIdOf` was given; undefined: it is not said by the id, or the id was not made by it. */
export function nameOfCarrierId(id: string): string | undefined {
  try {
    const name = decodeURIComponent(id);
    return carrierIdOf(name) === id ? name : undefined;
  } catch {
    return undefined;
  }
}
