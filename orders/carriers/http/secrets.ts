// Secrets that webhooks are signed with, in a file that is looked at again and again: what is written into it counts without a restart. A file
// that cannot be used leaves the secrets of before in place, and says why.
import { fileSource } from '../../feeds/file-source.ts';
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
  const source = await fileSource({ path }, (text) => {
    const secrets = secretsIn(text);
    if (receiver === undefined) receiver = receiverWith(secrets);
    else {
      try {
        receiver.useSecrets(secrets);
      } catch (error) {
        log(`${path}: a secret is whsec_ and base64; those of before stay`);
        throw error;
      }
      log(`${path}: ${secrets.length === 1 ? 'a secret is' : `${secrets.length} secrets are`} used from now on`);
    }
    return secrets;
  });
  if (receiver === undefined) {
    source.close();
    throw new Error(source.status.failure);
  }
  return { receiver, refresh: source.refresh, close: source.close };
}

/** @throws Error where one is none */
export function receiverWith(secrets: readonly string[]): WebhookReceiver {
  try {
    return new WebhookReceiver(secrets);
  } catch {
    throw new Error('a secret is whsec_ and base64');
  }
}
