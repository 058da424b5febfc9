// How the simulator's commands take their command line: what cannot be used is answered with the usage, not a stack.
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** The code of a command line that cannot be used, as of `holdfast`. */
const EXIT_USAGE = 2;

/** Ends the process with the usage. */
export function refuse(message: string, usage: string): never {
  console.error(`${message}\n\n${usage}`);
  process.exit(EXIT_USAGE);
}

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O }>>['values'];

/** The values of the options; ends the process with the usage at --help, or where the command line cannot be used. */
export function argumentsOf<const O extends Options>(options: O, usage: string): Values<O> {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } });
    if ((values as { help?: boolean }).help !== true) return parseArgs({ options }).values;
  } catch (error) {
    refuse((error as Error).message, usage);
  }
  console.log(usage);
  process.exit(0);
}
