// The simulated mesh keeps the promises of its port: done once, never before call returns, in order, or a MeshFailure.
import { describe, expect, it } from 'vitest';
import { MESH_KIND, MeshFailure } from '../../cluster/mesh/port.ts';
import { Network, type SimMesh } from './network.ts';
import { SimProcess } from './process.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { Trace } from './trace.ts';

const KIND = MESH_KIND.request;

function given() {
  const scheduler = new Scheduler(100_000);
  const network = new Network(scheduler, new Random('network'), new Trace(() => scheduler.now, false));
  const worker = (address: string): { mesh: SimMesh; process: SimProcess } => {
    const process = new SimProcess(address, scheduler, 0, (error) => {
      throw error;
    });
    return { mesh: network.mesh(address, process), process };
  };
  const [a, b] = [worker('a'), worker('b')];
  const answers: string[] = [];
  const ask = (body: string, timeoutMs = 1_000): void => {
    a.mesh.call('b', KIND, Buffer.from(body), timeoutMs, (answer) => {
      answers.push(answer instanceof MeshFailure ? `${body}: ${answer.name}` : Buffer.from(answer).toString());
    });
  };
  return { scheduler, network, worker, a, b, answers, ask };
}

describe('the simulated mesh', () => {
  it('given calls / when they are answered / then each is done once, in order, and not before call has returned', async () => {
    const { scheduler, b, answers, ask } = given();
    b.mesh.handle(KIND, (body, reply) => reply(Buffer.from(`re ${Buffer.from(body).toString()}`)));
    for (const body of ['1', '2', '3']) ask(body);
    expect(answers).toEqual([]);
    await scheduler.run(() => false);
    expect(answers).toEqual(['re 1', 're 2', 're 3']);
  });

  it('given a call that nobody answers / when its time is over / then it fails, and a late answer is dropped', async () => {
    const { scheduler, b, answers, ask } = given();
    b.mesh.handle(KIND, (_, reply) => {
      scheduler.after(200, () => reply(Buffer.from('late')));
    });
    ask('1', 100);
    await scheduler.run(() => false);
    expect(answers).toEqual(['1: MeshFailure']);
  });

  it('given calls on their way / when the peer is killed / then they fail, and both ends that live are told', async () => {
    const { scheduler, a, b, answers, ask } = given();
    const down: string[] = [];
    a.mesh.onDown((address) => down.push(address));
    b.mesh.handle(KIND, () => {});
    ask('1', 60_000);
    scheduler.after(50, () => b.process.kill());
    await scheduler.run(() => answers.length > 0);
    expect(answers).toEqual(['1: MeshFailure']);
    expect(scheduler.now).toBeLessThan(1_000);
    await scheduler.run(() => false);
    expect(down).toEqual(['b']);
  });

  it('given one direction is cut / when it heals / then what waited arrives, in order', async () => {
    const { scheduler, network, b, answers, ask } = given();
    b.mesh.handle(KIND, (body, reply) => reply(body));
    network.cut('a', 'b');
    ask('1', 10_000);
    ask('2', 10_000);
    scheduler.after(500, () => {
      expect(answers).toEqual([]);
      network.heal('a', 'b');
    });
    await scheduler.run(() => false);
    expect(answers).toEqual(['1', '2']);
  });

  it('given the answers’ direction is cut / when the call times out / then it has taken effect', async () => {
    const { scheduler, network, b, answers, ask } = given();
    let effects = 0;
    b.mesh.handle(KIND, (body, reply) => {
      effects += 1;
      reply(body);
    });
    network.cut('b', 'a');
    ask('1', 100);
    await scheduler.run(() => false);
    expect([effects, answers]).toEqual([1, ['1: MeshFailure']]);
  });

  it('given a paused peer / when it continues / then all that was sent arrives then, in order', async () => {
    const { scheduler, b, answers, ask } = given();
    b.mesh.handle(KIND, (body, reply) => reply(body));
    b.process.pause();
    ask('1', 10_000);
    ask('2', 10_000);
    scheduler.after(700, () => {
      expect(answers).toEqual([]);
      b.process.continue();
    });
    await scheduler.run(() => false);
    expect(answers).toEqual(['1', '2']);
  });

  it('given a process that was killed / then neither its timers nor its turns run', async () => {
    const { scheduler, a } = given();
    let ran = 0;
    a.process.runtime.defer(() => {
      ran += 1;
    });
    a.process.runtime.after(10, () => {
      ran += 1;
    });
    a.process.kill();
    await scheduler.run(() => false);
    expect(ran).toBe(0);
  });
});
