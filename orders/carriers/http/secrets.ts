// Secrets that webhooks are signed with, in a file that is looked at again and again: what is written into it counts without a restart. A file
// that cannot be used leaves the secrets of before in place, and says why.
import { fileSource } from '../../feeds/file-source.ts';
import type { Source } from '../../feeds/source.ts';
import { WebhookReceiver } from './webhooks.ts';

export interface FollowedSecrets {
  readonly receiver: WebhookReceiver;
  /** Looks into the file now. Never rejects. */
  refresh(): Promise<void>;
  close(): void;
}

/** The secrets in a text, with white space between the old and the new one. */
export function secretsIn(text: string): readonly string[] {
  return text.split(/\s+/).filter(Boolean);
}

/**
 * @param log is told of each change, and of each change that cannot be used
 * @throws Error saying why there are no secrets to begin with
 */
export async function followSecrets(path: string, log: (line: string) => void): Promise<FollowedSecrets> {
  let receiver: WebhookReceiver | undefined;
  let source: Source<undefined> | undefined;
  const read = (text: string): undefined => {
    const secrets = secretsIn(text);
    if (receiver === undefined) {
      // A carrier may sign with what was written into the file a moment ago.
      receiver = receiverWith(secrets, async () => source?.refresh());
      return;
    }
    readable(() => receiver?.useSecrets(secrets));
    log(`${path}: ${secrets.length === 1 ? 'a secret is' : `${secrets.length} secrets are`} used from now on`);
  };
  const onFailure = (failure: string): void => {
    if (receiver !== undefined) log(`${path}: ${failure}; the secrets of before stay`);
  };
  source = await fileSource({ path, onFailure }, read);
  if (receiver === undefined) {
    source.close();
    throw new Error(source.status.failure);
  }
  return { receiver, refresh: source.refresh, close: source.close };
}

/**
 * @param refresh looks whether they have changed
 * @throws Error where one is none
 */
export function receiverWith(secrets: readonly string[], refresh?: () => Promise<void>): WebhookReceiver {
  return readable(() => new WebhookReceiver(secrets, refresh));
}

function readable<T>(use: () => T): T {
  try {
    return use();
  } catch {
    throw new Error('a secret is whsec_ and base64');
  }
}
