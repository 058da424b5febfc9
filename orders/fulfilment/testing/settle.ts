// The plainest policy there is: what tests of fulfilment settle exceptions with.
import type { Settle, Settlement } from '../ports.ts';

/** A promise that is kept. */
const FAR = 4_000_000_000_000;

export const plainly: Settle = async ({ kind, units }) => {
  const policyVersion = 'plain';
  const action = (command: Settlement['command']): Settlement => ({ command, policyVersion });
  if (units.length > 0) return action({ action: 'resource', notify: kind });
  if (kind === 'cancelRequest') return action({ action: 'cancel', amountMinor: 100 });
  if (kind === 'backorder') return action({ action: 'repromise', promisedAt: FAR, notify: kind });
  return action({ action: 'escalate' });
};
