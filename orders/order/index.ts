// What others use of the order's core: the shell that hosts it, processors, policies and the command line.

export { orderCore } from './core.ts';
export { NOT_THERE } from './decide-packages.ts';
export { leftOver } from './left-over.ts';
export { decisionsOn } from './settling.ts';
export { isEnded } from './state.ts';
export type * from './types.ts';
