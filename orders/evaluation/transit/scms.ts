// 10,324 real deliveries of health commodities (SCMS, 2006 to 2015). What is predicted, and what is known when, stands in
// docs/decisions.md: a line is taken as handed over `horizonDays` before its scheduled delivery date, and its delivery becomes known
// on the day it was recorded.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import type { Case } from './lanes.ts';

const DAY_MS = 86_400_000;

/**
 * By the time of hand-over. Lines whose delivery was recorded before it are left out: at that time they are known.
 * @param directory that has scms/
 */
export function readScms(directory: string, horizonDays: number): Case[] {
  const rows = parse(readFileSync(join(directory, 'scms/scms_delivery_history.csv')), { columns: true }) as Readonly<
    Record<string, string>
  >[];
  return rows
    .map((row): Case => {
      const handedOverAt = dateOf(row['Scheduled Delivery Date']) - horizonDays * DAY_MS;
      const deliveredAt = dateOf(row['Delivered to Client Date']);
      const via = row['Fulfill Via'] === 'From RDC' ? 'rdc' : 'direct';
      return {
        shipment: {
          shipmentId: `${row['ID']}`,
          node: via === 'rdc' ? 'rdc' : `${row['Vendor']}`,
          service: `${via} ${row['Shipment Mode']}`,
          postalCode: `${row['Country']}`,
          km: 0,
          handedOverAt,
        },
        deliveredAt,
        knownAt: Math.max(deliveredAt, dateOf(row['Delivery Recorded Date'])),
      };
    })
    .filter(({ shipment, knownAt }) => (knownAt as number) > shipment.handedOverAt)
    .sort((a, b) => a.shipment.handedOverAt - b.shipment.handedOverAt);
}

function dateOf(text: string | undefined): number {
  return Date.parse(`${text} UTC`);
}
