// The region's register in Redis: one hash, changed by one script.
import { type Register, StoreMisconfigured } from '../port.ts';
import type { Channel } from './channel.ts';
import { regionKeysOf } from './keys.ts';
import { evaluate } from './lane.ts';
import { WRITE_REGISTER } from './scripts.ts';

/** @param channelOf connects to where the region's own keys are */
export function redisRegister(region: string, isReadOnly: boolean, channelOf: () => Promise<Channel>): Register {
  const { register: key } = regionKeysOf(region);
  return {
    async read() {
      const { reads, writes } = await channelOf();
      // Beside a writer that others wait for: what it last wrote must be seen.
      const [version, value] = await (isReadOnly ? reads : writes).run((client) =>
        client.hmget(key, 'version', 'value'),
      );
      return { version: Number(version ?? 0), value: value ?? '' };
    },
    async write(expected, value) {
      const { writes } = await channelOf();
      if (isReadOnly) throw new StoreMisconfigured(`Redis at ${writes.address} was opened read-only`);
      const written = await writes.runReplicated((client) =>
        evaluate(client, WRITE_REGISTER, [key], [expected, expected + 1, value]),
      );
      return written === 1;
    },
  };
}
