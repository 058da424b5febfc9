// `holdfast carrier-sim`: a simulated carrier as a server, to try orders against before there is a contract with a real one.
import { randomBytes } from 'node:crypto';
import { Command, Option } from 'commander';
import { readCalibration } from '../../../orders/carriers/simulated/calibration.ts';
import { createSimulatedCarrier } from '../../../orders/carriers/simulated/carrier.ts';
import { wallClock } from '../../../orders/carriers/simulated/clock.ts';
import { type CarrierProfile, DEFAULT_PROFILE, ProfileInvalid } from '../../../orders/carriers/simulated/profile.ts';
import { serveCarrier } from '../../../orders/carriers/simulated/server.ts';
import { addTokenOption, token } from '../credentials.ts';
import { messageOf, usageError } from '../exit.ts';
import { DEFAULT_HOST, parseCount, parsePort, parseSpeed, parseTime, requireOthers } from '../options.ts';
import { readProfileFile } from '../orders/files.ts';
import { createOutput } from '../output.ts';
import { onSignals, signalExitCode } from '../signals.ts';

const SECRET_VARIABLE = 'HOLDFAST_WEBHOOK_SECRET';
const DEFAULT_CARRIER_PORT = 7490;

interface CarrierSimOptions {
  readonly port: number;
  readonly host: string;
  readonly seed: number;
  readonly speed: number;
  readonly epoch?: number;
  readonly profile?: string;
  readonly calibration?: string;
  readonly coverage: boolean;
  readonly webhook?: string;
  readonly json: boolean;
}

export function carrierSimCommand(): Command {
  const command = new Command('carrier-sim')
    .description('Serve a simulated carrier that misbehaves as real ones do, over HTTP, with signed webhooks.')
    .option('--port <port>', 'to listen on', parsePort, DEFAULT_CARRIER_PORT)
    .option('--host <host>', 'to listen at', DEFAULT_HOST)
    .option('--seed <n>', 'of its luck: the same seed and the same calls give the same parcels', parseCount, 1)
    .option('--speed <factor>', 'its time passes so many times as fast', parseSpeed, 1)
    .option('--epoch <time>', 'with --speed: from this time on; the same as of `orders`', parseTime)
    .addOption(
      new Option('--profile <file>', 'how it is, JSON as examples/carriers/overland.json').conflicts('calibration'),
    )
    .option('--calibration <dir>', 'services and transit times from a folder of calibration data')
    .option('--coverage', 'with --calibration: services go only where the data say', false)
    .option(
      '--webhook <url>',
      `where events are posted, signed with ${SECRET_VARIABLE} (made and shown if there is none)`,
    )
    .option('--json', 'write one JSON object when it serves', false)
    .addHelpText(
      'after',
      `
What it does, and what is made up: orders/carriers/simulated/SIMULATED.md. Runs until stopped.

Example:
  holdfast carrier-sim --speed 1000 --webhook http://127.0.0.1:7495/
  curl -s localhost:7490/v1/track -H 'idempotency-key: t1' -d '{"trackingId":"SIM0123456789"}'`,
    )
    .action((options: CarrierSimOptions, self: Command) => {
      requireOthers(self, { coverage: ['calibration'] });
      return serveSimulated(options);
    });
  return addTokenOption(command);
}

async function serveSimulated(options: CarrierSimOptions): Promise<void> {
  const output = createOutput(options.json);
  const { host, port, seed, speed, epoch, webhook } = options;
  const profile = await profileOf(options);
  const given = process.env[SECRET_VARIABLE];
  const secret = given === undefined || given === '' ? `whsec_${randomBytes(24).toString('base64')}` : given;
  if (webhook !== undefined && !URL.canParse(webhook)) throw usageError(`--webhook ${webhook} is no URL`);
  // As `holdfast orders` reckons, so that the two agree whenever each was started.
  const start = Date.now();
  const clock = wallClock({ speed, epoch: epoch === undefined ? start : epoch + (start - epoch) * speed });
  const carrier = createSimulatedCarrier({ profile, clock, seed });
  const bearer = token();
  const server = await serveCarrier({
    carrier,
    host,
    port,
    ...(bearer === undefined ? {} : { token: bearer }),
    ...(webhook === undefined ? {} : { webhook: { url: webhook, secrets: [secret] } }),
  }).catch((error: unknown) => {
    throw usageError(`it cannot listen at ${host}:${port}: ${messageOf(error)}`, 'Give another --port.');
  });
  const services = profile.services.map(({ service }) => service);
  const shown = webhook !== undefined && secret !== given ? { secret } : {};
  output.result({ url: server.url, carrier: profile.carrier, services, seed, speed, ...shown });
  output.line(
    `${profile.carrier} serves ${services.length} services at ${server.url} (seed ${seed}, ${speed} × the time)`,
  );
  if (shown.secret !== undefined) output.line(`webhooks are signed with ${shown.secret}`);
  await new Promise<void>((resolve) => {
    const stop = onSignals(
      () => {
        stop();
        void server.close().then(resolve);
      },
      (signal) => process.exit(signalExitCode(signal)),
    );
  });
}

async function profileOf({ profile, calibration, coverage }: CarrierSimOptions): Promise<CarrierProfile> {
  if (profile !== undefined) return readProfileFile(profile);
  if (calibration === undefined) return DEFAULT_PROFILE;
  try {
    return await readCalibration(calibration, { coverage });
  } catch (error) {
    if (error instanceof ProfileInvalid) throw usageError(error.message);
    throw usageError(`--calibration ${calibration} cannot be read: ${messageOf(error)}`);
  }
}
