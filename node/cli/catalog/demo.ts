// The demo catalogue: what a first start sells. A few dozen SKUs over several ship nodes per region, among them one
// that is scarce. Rows as of `import`; the figures are fixed, so that every first start is the same.
import type { CatalogRow } from './rows.ts';

const NODES: Readonly<Record<string, readonly string[]>> = {
  'eu-west': ['dublin-dc', 'rotterdam-dc', 'lyon-dc', 'london-store'],
  'us-east': ['newark-dc', 'atlanta-dc', 'boston-store'],
};

/** The flash-sale SKU: few units at one node, two per customer. */
export const FLASH_SKU = 'FLASH-CONSOLE-01';
const FLASH_UNITS = 100;

const SKUS = [
  'MUG-STONEWARE-BLUE',
  'MUG-STONEWARE-SAND',
  'TEAPOT-CAST-IRON-08',
  'KETTLE-GOOSENECK-1L',
  'GRINDER-BURR-CONICAL',
  'COFFEE-ESPRESSO-1KG',
  'COFFEE-FILTER-250G',
  'LAMP-DESK-BRASS',
  'LAMP-FLOOR-OAK',
  'BULB-E27-WARM-4PK',
  'CHAIR-DINING-ASH',
  'TABLE-SIDE-WALNUT',
  'RUG-WOOL-160X230',
  'BLANKET-MERINO-GREY',
  'PILLOW-LINEN-50X50',
  'TOWEL-BATH-WHITE',
  'KNIFE-CHEF-20CM',
  'PAN-SKILLET-26CM',
  'POT-ENAMEL-4L',
  'BOARD-CUTTING-BEECH',
  'JACKET-RAIN-M-NAVY',
  'JACKET-RAIN-L-NAVY',
  'SHIRT-OXFORD-M-WHITE',
  'SHIRT-OXFORD-L-WHITE',
  'SOCKS-WOOL-3PK-42',
  'SHOE-TRAIL-42-BLACK',
  'SHOE-TRAIL-43-BLACK',
  'BACKPACK-22L-OLIVE',
  'BOTTLE-STEEL-750ML',
  'TENT-TREK-2P',
  'HEADPHONE-OVER-EAR-01',
  'EARBUDS-ANC-02',
  'CHARGER-USB-C-65W',
  'CABLE-USB-C-2M',
  'KEYBOARD-MECH-TKL-ISO',
  'MOUSE-VERTICAL-RH',
  'BOOK-ATLAS-2025',
  'PUZZLE-1000-HARBOUR',
  'BIKE-HELMET-M-RED',
  'TOY-BLOCKS-WOOD-50',
] as const;

/** The rows of the given regions. Regions that the demo does not know get the nodes of none. */
export function demoRows(regions: readonly string[]): CatalogRow[] {
  return regions.flatMap((region) => {
    const nodes = NODES[region] ?? [`${region.slice(0, 29)}-dc`];
    const rows = SKUS.flatMap((sku, skuIndex) =>
      nodes
        // Not every node keeps every SKU.
        .filter((_, nodeIndex) => (skuIndex + nodeIndex) % 4 !== 3)
        .map((node, nodeIndex) => plainRow(sku, region, node, 40 + ((skuIndex * 37 + nodeIndex * 61) % 260))),
    );
    return [...rows, { ...plainRow(FLASH_SKU, region, nodes[0] ?? region, FLASH_UNITS), limitPerOwner: 2 }];
  });
}

function plainRow(sku: string, region: string, node: string, onHand: number): CatalogRow {
  return {
    sku,
    region,
    node,
    onHand,
    // A shop floor keeps a few units for people who walk in.
    safetyStock: node.endsWith('-store') ? 3 : undefined,
    backorderLimit: undefined,
    limitPerOwner: undefined,
    channelBuffers: undefined,
  };
}
