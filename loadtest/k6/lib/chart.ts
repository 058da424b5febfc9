// Line charts over the windows of a run, as SVG that needs no script and nothing from elsewhere.

export interface Line {
  readonly name: string;
  readonly colour: string;
  /** One a window; undefined where there is nothing to show. */
  readonly points: readonly (number | undefined)[];
}

const WIDTH = 720;
const HEIGHT = 220;
const MARGIN = { left: 56, right: 12, top: 24, bottom: 28 };
const RIGHT = WIDTH - MARGIN.right;
const BOTTOM = HEIGHT - MARGIN.bottom;
const LEGEND_STEP = 110;

/** @param windowS seconds that a point stands for */
export function chart(lines: readonly Line[], windowS: number): string {
  const windows = Math.max(...lines.map(({ points }) => points.length));
  const most = Math.max(1e-9, ...lines.flatMap(({ points }) => points.map((value) => value ?? 0)));
  const x = (n: number): number => MARGIN.left + ((RIGHT - MARGIN.left) * (n + 0.5)) / windows;
  const y = (value: number): number => BOTTOM - ((BOTTOM - MARGIN.top) * value) / most;
  const levels = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(most * share).toFixed(1);
    const label = `<text x="${MARGIN.left - 6}" y="${at}" text-anchor="end" dy="4">${short(most * share)}</text>`;
    return `<line x1="${MARGIN.left}" x2="${RIGHT}" y1="${at}" y2="${at}" stroke="#eee"/>${label}`;
  });
  const times = [0, 1, 2, 3].map((third) => {
    const at = MARGIN.left + ((RIGHT - MARGIN.left) * third) / 3;
    const anchor = third === 3 ? 'end' : 'middle';
    return `<text x="${at}" y="${HEIGHT - 8}" text-anchor="${anchor}">${short((third * windows * windowS) / 3)} s</text>`;
  });
  const drawn = lines.map(({ colour, points }) => {
    const path = points
      .flatMap((value, n) => (value === undefined ? [] : [`${x(n).toFixed(1)},${y(value).toFixed(1)}`]))
      .join(' ');
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
  });
  const legend = lines.map(({ name, colour }, n) => {
    return `<text x="${MARGIN.left + LEGEND_STEP * n}" y="14" style="fill:${colour}">${name}</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}">${[...levels, ...times, ...drawn, ...legend].join('')}</svg>`;
}

function short(value: number): string {
  if (value >= 10_000) return `${(value / 1_000).toFixed(0)}k`;
  return Number.isInteger(value) || value >= 10 ? value.toFixed(0) : value.toFixed(1);
}
