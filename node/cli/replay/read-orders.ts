// The order file as raw lines, gzipped or not, streamed. What a line means is lines.ts's matter.
import { parse as parseCsv } from 'csv-parse';
import { openText } from '../catalog/read-file.ts';
import { messageOf, usageError } from '../exit.ts';
import type { RawLine } from './lines.ts';

const NEEDED = ['InvoiceNo', 'StockCode', 'Quantity', 'InvoiceDate', 'CustomerID', 'Country'] as const;

/** All lines of the file in order. @throws UserError when it cannot be read or is not of the expected form */
export async function* readOrderLines(file: string): AsyncGenerator<RawLine> {
  try {
    const text = await openText(file);
    const parser = text.pipe(parseCsv({ bom: true, relax_column_count: true }));
    text.on('error', (error) => parser.destroy(error));
    let columns: number[] | undefined;
    let line = 0;
    for await (const cells of parser as AsyncIterable<string[]>) {
      line += 1;
      if (columns === undefined) {
        columns = columnsOf(cells);
        continue;
      }
      const cell = (index: number): string => cells[columns?.[index] ?? -1] ?? '';
      yield {
        line,
        InvoiceNo: cell(0),
        StockCode: cell(1),
        Quantity: cell(2),
        InvoiceDate: cell(3),
        CustomerID: cell(4),
        Country: cell(5),
      };
    }
    if (columns === undefined) throw new Error('it is empty');
  } catch (error) {
    throw usageError(
      `cannot replay ${file}: ${messageOf(error)}`,
      `It takes the UCI Online Retail file as CSV, gzipped or not, with the columns ${NEEDED.join(', ')}.`,
    );
  }
}

function columnsOf(header: readonly string[]): number[] {
  return NEEDED.map((name) => {
    const index = header.indexOf(name);
    if (index < 0) throw new Error(`the header has no column ${name}`);
    return index;
  });
}
