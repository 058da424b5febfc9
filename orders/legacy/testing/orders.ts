// Orders of tests as files: CSV, and 850s as a partner's system writes them.
import type { Terms } from '../items.ts';
import { dateOf, type Party, type SetToWrite, writeInterchange } from '../x12/envelope.ts';

export const PARTNER: Party = { qualifier: 'ZZ', id: 'PARTNER' };
export const US: Party = { qualifier: 'ZZ', id: 'HOLDFAST' };
export const AT = Date.parse('2026-11-24T12:00:00Z');

/** New York, for every code that begins with 1. */
export const locate = (code: string) => (code.startsWith('1') ? { latitude: 40.71, longitude: -74.01 } : undefined);

/** How files of X12 are read here, where a test says nothing else. */
export const TERMS: Terms = { locate, partners: ['ZZ.PARTNER'], takesTests: false, now: AT };

export function csvOf(orderIds: readonly string[], changes: (orderId: string) => string = () => ''): string {
  const rows = orderIds.flatMap((orderId) => [
    `${orderId},MUG,2,10007${changes(orderId)}`,
    `${orderId},TEAPOT,1,10007`,
  ]);
  return `orderId,sku,qty,postalCode\n${rows.join('\n')}\n`;
}

export function set850(
  orderId: string,
  lines: readonly (readonly [sku: string, qty: string])[] = [['MUG', '2']],
): SetToWrite {
  return {
    id: '850',
    segments: [
      ['BEG', '00', 'SA', orderId, '', dateOf(AT).date],
      ['CUR', 'BY', 'USD'],
      ['REF', 'DP', '17'],
      ['DTM', '002', '20261130'],
      ['N1', 'BY', 'Partner Inc', '92', 'C-17'],
      ['N1', 'ST', 'Ada Lovelace'],
      ['N3', '1 Broadway', 'Floor 2'],
      ['N4', 'New York', 'NY', '10007', 'US'],
      ...lines.map(([sku, qty], n): [string, ...string[]] => ['PO1', `${n + 1}`, qty, 'EA', '12.5', '', 'SK', sku]),
      ['CTT', `${lines.length}`],
    ],
  };
}

export function interchange850(sets: readonly SetToWrite[], control = 7): string {
  return writeInterchange({ sender: PARTNER, receiver: US, control, at: AT, test: false, functionalId: 'PO', sets });
}
