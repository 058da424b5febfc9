// The region's register in Redis: one hash, changed by one script.
import { type Register, StoreMisconfigured } from '../port.ts';
import { regionKeysOf } from './keys.ts';
import { evaluate } from './lane.ts';
import type { Link } from './link.ts';
import { WRITE_REGISTER } from './scripts.ts';

export function redisRegister(writes: Link, reads: Link, isReadOnly: boolean, region: string): Register {
  const { register: key } = regionKeysOf(region);
  return {
    async read() {
      const [version, value] = await reads.run((client) => client.hmget(key, 'version', 'value'));
      return { version: Number(version ?? 0), value: value ?? '' };
    },
    async write(expected, value) {
      if (isReadOnly) throw new StoreMisconfigured(`Redis at ${reads.address} was opened read-only`);
      const written = await writes.run((client) =>
        evaluate(client, WRITE_REGISTER, [key], [expected, expected + 1, value]),
      );
      return written === 1;
    },
  };
}
