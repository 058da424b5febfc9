// The engine's limit of refusing: every frame of the generator is answered with one and the same refusal, in which only the id is
// changed. Nothing is read, counted or looked up, so no gateway on this engine refuses for less.
import { encodeReply } from '../../protocol/codec.ts';
import { FORM_POSITIONAL } from '../../protocol/compact.ts';
import { failure } from '../../protocol/index.ts';
import { serveFrames } from './gateway.ts';
import { baselineOptions } from './options.ts';

/** Ids of the generator are 16 bits wide: in a positional request they stand after array head, op and the type's byte. */
const ID_AT = 3;
const ID = 0xabcd;

const refusal = encodeReply('msgpack', ID, failure('OVERLOADED', 'always', 50), FORM_POSITIONAL).slice();
const idAt = refusal.findIndex((byte, i) => byte === ID >> 8 && refusal[i + 1] === (ID & 0xff));

serveFrames('bounce', baselineOptions().port, (socket, frame) => {
  refusal[idAt] = frame[ID_AT] as number;
  refusal[idAt + 1] = frame[ID_AT + 1] as number;
  socket.send(refusal, true);
});
