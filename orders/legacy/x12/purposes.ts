// What an 850 is for. Only what says that something new is to be sent now makes an order; the others, taken for one, would send it twice, too
// early, or though it was cancelled.

/** BEG01 but 00, the original. */
const PURPOSES: Readonly<Record<string, { readonly reason: string; readonly next: string }>> = {
  '01': {
    reason: 'is a cancellation, and nothing is cancelled by an 850',
    next: 'Cancel that order: docs/orders.md says how a customer cancels.',
  },
  '04': {
    reason: 'is a change, and nothing is changed by an 850',
    next: 'Change that order where it is, or cancel it and have a new one sent under another number.',
  },
  '05': {
    reason: 'replaces an order, and nothing is replaced by an 850',
    next: 'Cancel that order, and have a new one sent under another number.',
  },
  '06': {
    reason: 'confirms what was ordered otherwise, and would be sent a second time',
    next: 'Nothing, if that order is here; else have it sent as an original (00).',
  },
  '07': {
    reason: 'is a copy of an order that was sent before',
    next: 'Nothing, if that order is here; else have it sent as an original (00).',
  },
};

/** BEG02 that mean: send this now. */
const SENT_NOW: ReadonlySet<string> = new Set(['SA', 'NE', 'KN', 'CO', 'DS', 'DR', 'RO', 'EO', 'OS', 'RE', 'NS', 'SP']);
const RELEASE = 'RL';

const NOT_SENT_NOW: Readonly<Record<string, string>> = {
  BE: 'is a blanket order, of which nothing is sent before it is released',
  BK: 'is a blanket order, of which nothing is sent before it is released',
  BH: 'is to be billed and held, not sent',
  BQ: 'asks for a quotation',
  CA: 'tells of a contract, of which nothing is sent before it is ordered',
  CC: 'changes a contract, and nothing is changed by an 850',
  CR: 'changes a release, and nothing is changed by an 850',
  FH: 'is to be made and held, not sent',
  SO: 'is of an order that was shipped already',
  KB: 'is a blanket agreement, of which nothing is sent before it is released',
  KC: 'is a contract, of which nothing is sent before it is ordered',
  ST: 'is a standing order, of which nothing is sent before it is released',
  CF: 'confirms what was ordered otherwise, and would be sent a second time',
  IN: 'is a copy for information',
  CP: 'changes a purchase order, and nothing is changed by an 850',
  CN: 'is an order on consignment, which stays the property of whoever sends it',
};

export interface Objection {
  readonly position: 1 | 2 | 4;
  readonly reason: string;
  readonly next: string;
}

/** Undefined where it is an order. */
export function objectionTo(purpose: string, type: string, release: string, shown: (value: string) => string) {
  return ofPurpose(purpose, shown) ?? ofType(type, release, shown);
}

function ofPurpose(purpose: string, shown: (value: string) => string): Objection | undefined {
  if (purpose === '00') return undefined;
  const known = PURPOSES[purpose];
  const next = known?.next ?? 'Send originals (00): changes and cancellations are not taken from 850s.';
  return { position: 1, reason: `cannot be ${shown(purpose)}${because(known?.reason)}`, next };
}

function ofType(type: string, release: string, shown: (value: string) => string): Objection | undefined {
  if (SENT_NOW.has(type)) return undefined;
  if (type === RELEASE) {
    if (release !== '') return undefined;
    const reason = 'is missing: a blanket order is released again and again';
    return { position: 4, reason, next: 'Give the number of the release in BEG04.' };
  }
  const next = `Send what is to be sent now as one of ${[...SENT_NOW].join(', ')}, or as a release (${RELEASE}) with its number in BEG04.`;
  return { position: 2, reason: `cannot be ${shown(type)}${because(NOT_SENT_NOW[type])}`, next };
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : `: it ${reason}`;
}
