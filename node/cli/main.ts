#!/usr/bin/env node
// The `holdfast` program: hands the command line to program.ts and sets the exit code. Nothing else.
import { runCli } from './program.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe (head, less) has seen enough.
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.exitCode = await runCli(process.argv.slice(2));
