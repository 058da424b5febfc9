// The commands of the program put together, and the one place where their errors become messages and exit codes.
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { EXIT, EXIT_CODES_HELP, UserError } from './exit.ts';
import { gridFailure } from './grid-client.ts';

/** By name, in the order of the help. Loaded when asked for: all of them together take most of a second of a processor. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./commands/start.ts')).startCommand(),
  serve: async () => (await import('./commands/serve.ts')).serveCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  drain: async () => (await import('./commands/drain.ts')).drainCommand(),
  import: async () => (await import('./commands/import.ts')).importCommand(),
  export: async () => (await import('./commands/export.ts')).exportCommand(),
  replay: async () => (await import('./commands/replay.ts')).replayCommand(),
  audit: async () => (await import('./commands/audit.ts')).auditCommand(),
  source: async () => (await import('./commands/source.ts')).sourceCommand(),
  'carrier-sim': async () => (await import('./commands/carrier-sim.ts')).carrierSimCommand(),
  files: async () => (await import('./commands/files.ts')).filesCommand(),
  capture: async () => (await import('./commands/capture.ts')).captureCommand(),
  orders: async () => (await import('./commands/orders.ts')).ordersCommand(),
  order: async () => (await import('./commands/order.ts')).orderCommand(),
  policy: async () => (await import('./commands/policy.ts')).policyCommand(),
};

/** Names that people try, and what has what they look for. */
const HINTS: Readonly<Record<string, string>> = {
  explain: 'Why an order is sent as it is: `holdfast source FILE`, or `holdfast order ID` of one that was captured.',
};

/** The command that these arguments begin with, or all where they name none: for the help, and to suggest what was meant. */
async function commandsFor([name = '']: readonly string[]): Promise<Command[]> {
  if (name === '--version' || name === '-V') return [];
  const named = Object.hasOwn(COMMANDS, name) ? [COMMANDS[name] as () => Promise<Command>] : Object.values(COMMANDS);
  return Promise.all(named.map((load) => load()));
}

async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('holdfast')
    .description(
      'Inventory reservations that never oversell, and orders from capture to delivery around them: the grid, and the tools to run it.',
    )
    .version(version())
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for the options and an example)')
    .addHelpText('after', '\nStart here: `holdfast start`, then `holdfast status` in another terminal.');
  for (const command of await commandsFor(args)) {
    adopt(command, program);
    program.addCommand(command);
  }
  return program.exitOverride();
}

/** It and those below it answer as the program does. */
function adopt(command: Command, program: Command): void {
  command.addHelpText('after', EXIT_CODES_HELP);
  command.copyInheritedSettings(program).exitOverride();
  for (const one of command.commands) adopt(one, program);
}

/** Runs one command line; resolves with the exit code. Commands set process.exitCode to report a finding. */
export async function runCli(args: readonly string[]): Promise<number> {
  try {
    await (await createProgram(args)).parseAsync([...args], { from: 'user' });
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError) {
      const [name = ''] = args;
      const isUnknown = error.code === 'commander.unknownCommand';
      if (isUnknown && Object.hasOwn(HINTS, name)) process.stderr.write(`${HINTS[name]}\n`);
      return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    }
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
