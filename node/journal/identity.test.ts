// Telling a living owner from a dead one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { howToStop, livenessOf, thisProcess } from './identity.ts';

describe('the identity of a process', () => {
  it('given a process that its supervisor would start again, then it is the supervisor that is to be stopped', () => {
    const { supervisorPid: _, ...alone } = thisProcess();

    expect(howToStop({ ...alone, pid: 8 })).toBe('stop it (kill 8)');
    expect(howToStop({ ...alone, pid: 8, supervisorPid: 7 })).toContain('kill 7');
  });

  it('given this process, then it is alive', () => {
    expect(livenessOf(thisProcess())).toBe('alive');
  });

  it('given a process that has ended, then it is dead', async () => {
    const child = spawn('sleep', ['60']);
    const identity = { ...thisProcess(), pid: child.pid ?? 0 };
    child.kill('SIGKILL');
    await once(child, 'exit');

    expect(livenessOf(identity)).toBe('dead');
  });

  it('given a pid that was used again, or a machine that was restarted, then the owner is dead', () => {
    expect(livenessOf({ ...thisProcess(), startTime: '1' })).toBe('dead');
    const isContained = thisProcess().pidNamespace !== 'pid:[4026531836]' || thisProcess().machineId === '';
    expect(livenessOf({ ...thisProcess(), bootId: 'before' })).toBe(isContained ? 'unknown' : 'dead');
  });

  it('given another machine or container, then nothing is known of it', () => {
    expect(livenessOf({ ...thisProcess(), host: 'elsewhere' })).toBe('unknown');
    expect(livenessOf({ ...thisProcess(), pidNamespace: 'pid:[1]' })).toBe('unknown');
  });
});
