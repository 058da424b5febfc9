#!/usr/bin/env node
// The `holdfast` program: hands the command line to program.ts and sets the exit code. Nothing else.
import { EXIT } from './exit.ts';
import { runCli } from './program.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe (head, less) has seen enough.
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
const stalled = (): never => {
  process.stderr.write(
    'holdfast: the command cannot go on: what it waits for will not happen any more\n' +
      'This is a defect of holdfast, not of your command line. Please report it with the command.\n',
  );
  process.exit(EXIT.failed);
};
// A promise that never settles does not keep the process: without this it would end without a word.
process.once('beforeExit', stalled);
process.exitCode = await runCli(process.argv.slice(2));
process.off('beforeExit', stalled);
