// Calls a second over one link between two processes, and what a call costs each of them:
//   npx tsc -p tsconfig.json --outDir dist; node dist/cluster/mesh/testing/throughput-process.js [seconds] [in flight] [body bytes]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MESH_KIND, MeshFailure } from '../port.ts';
import { listenMesh, type SocketMesh } from '../sockets.ts';

const [seconds = 5, inFlight = 256, bodyBytes = 100] = process.argv.slice(2).map(Number);
const WARM_UP_MS = 2_000;

function listenAt(path: string): Promise<SocketMesh> {
  return listenMesh({ address: `unix:${path}`, secret: 'secret', cluster: 'bench', log: console.error });
}

/** User and system time of this process, µs. */
function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function answer(): Promise<void> {
  const mesh = await listenAt(join(tmpdir(), `mesh-answers-${process.pid}.sock`));
  let handled = 0;
  mesh.handle(MESH_KIND.request, (body, reply) => {
    handled += 1;
    reply(body);
  });
  process.on('message', () => process.send?.({ handled, cpu: cpuMicros() }));
  process.on('disconnect', () => void mesh.close());
  process.send?.(mesh.address);
}

async function askAway(): Promise<void> {
  const child = fork(process.argv[1] as string, process.argv.slice(2), {
    env: { ...process.env, MESH_ROLE: 'answers' },
  });
  const [address] = (await once(child, 'message')) as [string];
  const mesh = await listenAt(join(tmpdir(), `mesh-asks-${process.pid}.sock`));
  const body = Buffer.alloc(bodyBytes, 7);
  let answered = 0;
  let stopped = false;
  const next = (): void => {
    mesh.call(address, MESH_KIND.request, body, 5_000, (reply) => {
      if (stopped) return;
      if (reply instanceof MeshFailure || reply.length !== bodyBytes)
        throw new Error('a call was not answered', { cause: reply });
      answered += 1;
      next();
    });
  };
  for (let i = 0; i < inFlight; i++) next();
  const answerer = async (): Promise<{ handled: number; cpu: number }> => {
    child.send('say');
    return ((await once(child, 'message')) as [{ handled: number; cpu: number }])[0];
  };
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  const before = { answered, own: cpuMicros(), other: await answerer(), at: performance.now() };
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const calls = answered - before.answered;
  const elapsedMs = performance.now() - before.at;
  const own = (cpuMicros() - before.own) / calls;
  const after = await answerer();
  const handled = after.handled - before.other.handled;
  const other = (after.cpu - before.other.cpu) / handled;
  stopped = true;
  console.log(
    `${Math.round((calls / elapsedMs) * 1_000)} calls/s, ${inFlight} in flight, ${bodyBytes} bytes; ` +
      `CPU a call: caller ${own.toFixed(2)} µs, answerer ${other.toFixed(2)} µs (it counts ${handled} to the caller's ${calls})`,
  );
  await mesh.close();
  child.disconnect();
}

await (process.env['MESH_ROLE'] === 'answers' ? answer() : askAway());
