// Carriers over HTTP from a configuration: a driver for each, and one listener that their webhooks come in at. Tokens and secrets come
// from the environment or from files of their own, never from the configuration.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { SERVICES_MAX } from '../limits.ts';
import { createHttpCarrier, type HttpCarrier } from './carrier.ts';
import { type FollowedSecrets, followSecrets, receiverWith, secretsIn } from './secrets.ts';
import type { WebhookReceiver } from './webhooks.ts';

const variable = z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/, 'the name of an environment variable such as ACME_TOKEN');
const count = z.number().int().min(1).max(1_000_000);

const configuration = z
  .strictObject({
    webhooks: z
      .strictObject({ host: z.string().min(1).default('127.0.0.1'), port: z.number().int().min(0).max(65_535) })
      .optional(),
    carriers: z
      .array(
        z.strictObject({
          carrier: z.string().regex(/^[a-zA-Z0-9_.-]{1,32}$/, '1 to 32 letters, digits, dots, dashes or underscores'),
          url: z.url({ protocol: /^https?$/ }),
          /** Where its token is. */
          token: variable.optional(),
          /** Where the secrets are that its webhooks are signed with, `whsec_…`, with a space between the old and the new one. */
          secrets: variable.optional(),
          /** Or a file with them, which is followed while this runs. */
          secretsFile: z.string().min(1).optional(),
          timeoutMs: count.optional(),
          attempts: count.optional(),
          perSecond: count.optional(),
          burst: count.optional(),
          inFlight: count.optional(),
        }),
      )
      .min(1)
      .max(SERVICES_MAX),
  })
  .superRefine(({ carriers, webhooks }, context) => {
    if (new Set(carriers.map(({ carrier }) => carrier)).size < carriers.length) {
      context.addIssue({ code: 'custom', path: ['carriers'], message: 'two have the same name' });
    }
    if (webhooks === undefined && carriers.some(({ secrets, secretsFile }) => (secrets ?? secretsFile) !== undefined)) {
      context.addIssue({ code: 'custom', path: ['webhooks'], message: 'say where they come in: {"port":7495}' });
    }
    for (const [n, { secrets, secretsFile }] of carriers.entries()) {
      if (secrets === undefined || secretsFile === undefined) continue;
      context.addIssue({ code: 'custom', path: ['carriers', n], message: 'secrets or secretsFile, not both' });
    }
  });

export class CarriersInvalid extends Error {
  override readonly name = 'CarriersInvalid';
}

export interface OpenCarriers {
  readonly carriers: ReadonlyMap<string, HttpCarrier>;
  readonly receivers: ReadonlyMap<string, WebhookReceiver>;
  /** Each posts to `<this>/webhooks/<carrier>`; undefined where none does. */
  readonly webhooksUrl: string | undefined;
  /** Looks for changed secrets now. Never rejects. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param log is told where secrets change, and when a carrier stops answering
 * @throws CarriersInvalid naming each place that is wrong, and each variable or file that is not there
 */
export async function openCarriers(
  document: unknown,
  environment: Readonly<Record<string, string | undefined>>,
  log: (line: string) => void = () => undefined,
): Promise<OpenCarriers> {
  const read = configuration.safeParse(document);
  if (!read.success) {
    throw new CarriersInvalid(
      read.error.issues.map(({ path, message }) => `${path.join('.') || 'carriers'}: ${message}`).join('\n'),
    );
  }
  const { carriers: configured, webhooks } = read.data;
  const carriers = new Map<string, HttpCarrier>();
  const receivers = new Map<string, WebhookReceiver>();
  const followed: FollowedSecrets[] = [];
  const closeAll = async (): Promise<void> => {
    for (const one of followed) one.close();
    await Promise.all([...carriers.values()].map((carrier) => carrier.close()));
  };
  try {
    for (const { carrier, token, secrets, secretsFile, url, ...bounds } of configured) {
      if (secrets !== undefined) receivers.set(carrier, receiverOf(secrets, environment));
      if (secretsFile !== undefined) {
        const file = await secretsOf(secretsFile, log);
        followed.push(file);
        receivers.set(carrier, file.receiver);
      }
      const receiver = receivers.get(carrier);
      const options = {
        carrier,
        url,
        log,
        ...given(bounds),
        ...(token === undefined ? {} : { token: fromEnvironment(token, environment) }),
        ...(receiver === undefined ? {} : { webhooks: receiver }),
      };
      carriers.set(carrier, createHttpCarrier(options));
    }
    const listener = webhooks === undefined ? undefined : await listen(webhooks, receivers);
    return {
      carriers,
      receivers,
      webhooksUrl: listener?.url,
      async refresh() {
        await Promise.all(followed.map((one) => one.refresh()));
      },
      async close() {
        listener?.close();
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function receiverOf(secrets: string, environment: Readonly<Record<string, string | undefined>>): WebhookReceiver {
  const given = secretsIn(fromEnvironment(secrets, environment));
  try {
    return receiverWith(given);
  } catch (error) {
    throw new CarriersInvalid(`${secrets}: ${(error as Error).message}`);
  }
}

async function secretsOf(file: string, log: (line: string) => void): Promise<FollowedSecrets> {
  try {
    return await followSecrets(file, log);
  } catch (error) {
    throw new CarriersInvalid(`${file}: ${(error as Error).message}`);
  }
}

function fromEnvironment(name: string, environment: Readonly<Record<string, string | undefined>>): string {
  const value = environment[name]?.trim();
  if (value !== undefined && value !== '') return value;
  throw new CarriersInvalid(`the environment has no ${name}`);
}

async function listen(
  { host, port }: { host: string; port: number },
  receivers: ReadonlyMap<string, WebhookReceiver>,
): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => route(request, response, receivers));
  server.listen(port, host);
  await once(server, 'listening').catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new CarriersInvalid(`webhooks: it cannot listen at ${host}:${port}: ${why}`);
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function route(
  request: IncomingMessage,
  response: ServerResponse,
  receivers: ReadonlyMap<string, WebhookReceiver>,
): void {
  const carrier = /^\/webhooks\/([^/?]+)$/.exec(request.url ?? '')?.[1];
  const receiver = carrier === undefined ? undefined : receivers.get(carrier);
  if (receiver === undefined) {
    request.resume();
    response.writeHead(404).end();
  } else void receiver.handle(request, response);
}

/** Without what was not given. */
function given<T extends object>(bounds: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(bounds).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
