// The catalogue of bundles: SKUs that are ordered as one and sent as several. A document that merchandisers write, with a version of their
// choosing that each expanded order carries.
import { z } from 'zod';
import { COMPONENT_QTY_MAX, COMPONENTS_MAX, SKU_LENGTH_MAX } from '../../protocol/index.ts';
import { BUNDLES_MAX } from './limits.ts';

const sku = z
  .string()
  .regex(
    new RegExp(`^[\\x21-\\x7e]{1,${SKU_LENGTH_MAX}}$`),
    `1 to ${SKU_LENGTH_MAX} printable characters without spaces`,
  );

const catalogue = z
  .strictObject({
    version: z.string().regex(/^[\x20-\x7e]{1,64}$/, '1 to 64 printable characters'),
    bundles: z
      .array(
        z.strictObject({
          sku,
          /** Of one bundle. */
          components: z
            .array(z.strictObject({ sku, qty: z.number().int().min(1).max(COMPONENT_QTY_MAX) }))
            .min(1)
            .max(COMPONENTS_MAX),
        }),
      )
      .max(BUNDLES_MAX),
  })
  .superRefine(({ bundles }, context) => {
    const known = new Set<string>();
    for (const [n, bundle] of bundles.entries()) {
      if (known.has(bundle.sku)) {
        context.addIssue({ code: 'custom', path: ['bundles', n, 'sku'], message: `${bundle.sku} stands here twice` });
      }
      known.add(bundle.sku);
    }
    for (const [n, { components }] of bundles.entries()) {
      const seen = new Set<string>();
      for (const [m, component] of components.entries()) {
        const path = ['bundles', n, 'components', m, 'sku'];
        // Of several levels nobody could say what is sent whole.
        if (known.has(component.sku))
          context.addIssue({ code: 'custom', path, message: `${component.sku} is a bundle` });
        if (seen.has(component.sku)) {
          context.addIssue({ code: 'custom', path, message: `${component.sku} is a component twice` });
        }
        seen.add(component.sku);
      }
    }
  });

export interface Bundles {
  readonly version: string;
  /** Of one bundle; undefined: the SKU is none. */
  componentsOf(sku: string): readonly { readonly sku: string; readonly qty: number }[] | undefined;
}

/** What is wrong with a document, each line with the place of it. */
export class BundlesInvalid extends Error {
  override readonly name = 'BundlesInvalid';
}

/** @throws BundlesInvalid naming every place that is wrong; unknown fields are wrong, so that a typo never passes */
export function readBundles(document: unknown): Bundles {
  const read = catalogue.safeParse(document);
  if (!read.success) {
    const lines = read.error.issues.map(
      ({ path, message }) => `${path.length === 0 ? 'bundles' : path.join('.')}: ${message}`,
    );
    throw new BundlesInvalid(lines.join('\n'));
  }
  const bySku = new Map(read.data.bundles.map((bundle) => [bundle.sku, bundle.components]));
  return { version: read.data.version, componentsOf: (sku) => bySku.get(sku) };
}
