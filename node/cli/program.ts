// The commands of the program put together, and the one place where their errors become messages and exit codes.
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { auditCommand } from './commands/audit.ts';
import { carrierSimCommand } from './commands/carrier-sim.ts';
import { drainCommand } from './commands/drain.ts';
import { exportCommand } from './commands/export.ts';
import { filesCommand } from './commands/files.ts';
import { importCommand } from './commands/import.ts';
import { orderCommand } from './commands/order.ts';
import { ordersCommand } from './commands/orders.ts';
import { policyCommand } from './commands/policy.ts';
import { replayCommand } from './commands/replay.ts';
import { serveCommand } from './commands/serve.ts';
import { sourceCommand } from './commands/source.ts';
import { startCommand } from './commands/start.ts';
import { statusCommand } from './commands/status.ts';
import { EXIT, EXIT_CODES_HELP, UserError } from './exit.ts';
import { gridFailure } from './grid-client.ts';

export function createProgram(): Command {
  const program = new Command('holdfast')
    .description('Durable inventory reservations: a grid of actors behind a WebSocket, and the tools to run it.')
    .version(version())
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for the options and an example)')
    .addHelpText('after', '\nStart here: `holdfast start`, then `holdfast status` in another terminal.');
  for (const command of [
    startCommand(),
    serveCommand(),
    statusCommand(),
    drainCommand(),
    importCommand(),
    exportCommand(),
    replayCommand(),
    auditCommand(),
    sourceCommand(),
    carrierSimCommand(),
    filesCommand(),
    ordersCommand(),
    orderCommand(),
    policyCommand(),
  ]) {
    command.addHelpText('after', EXIT_CODES_HELP);
    command.copyInheritedSettings(program).exitOverride();
    program.addCommand(command);
  }
  return program.exitOverride();
}

/** Runs one command line; resolves with the exit code. Commands set process.exitCode to report a finding. */
export async function runCli(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync([...args], { from: 'user' });
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const answer = error instanceof UserError ? error : gridFailure(error);
    if (answer !== undefined) {
      const { message, hint, exitCode } = answer;
      if (args.includes('--json')) process.stdout.write(`${JSON.stringify({ ok: false, error: message, hint })}\n`);
      process.stderr.write(`holdfast: ${message}\n${hint === undefined ? '' : `${hint}\n`}`);
      return exitCode;
    }
    process.stderr.write(`holdfast: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.stderr.write(
      'This is a defect of holdfast, not of your command line. Please report it with the lines above.\n',
    );
    return EXIT.failed;
  }
}

export function version(): string {
  // Two levels up in the sources and three in dist/.
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      return JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')).version;
    } catch {
      // Not at this level.
    }
  }
  return 'unknown';
}
