// What a gram of room in a package is worth: the critical item of a knapsack that can be cut (E. Balas, E. Zemel 1980).

/**
 * The greatest price of a gram at which the first `count` loads still fill the room, each of which would pay its ratio at most; 0 where all
 * fit. Both arrays are put in another order.
 */
export function priceWhere(ratio: Float64Array, load: Float64Array, count: number, room: number): number {
  let from = 0;
  let to = count;
  let left = room;
  while (from < to) {
    const pivot = ratio[(from + to) >> 1] as number;
    // Those that pay more come first, then those that pay as much.
    let above = from;
    let until = to;
    let heavier = 0;
    let equal = 0;
    for (let n = from; n < until; ) {
      const one = ratio[n] as number;
      if (one > pivot) {
        heavier += load[n] as number;
        swap(ratio, load, n++, above++);
      } else if (one < pivot) swap(ratio, load, n, --until);
      else {
        equal += load[n] as number;
        n += 1;
      }
    }
    if (heavier > left) to = above;
    else if (heavier + equal > left) return pivot;
    else {
      left -= heavier + equal;
      from = until;
    }
  }
  return 0;
}

function swap(ratio: Float64Array, load: Float64Array, a: number, b: number): void {
  const one = ratio[a] as number;
  const weighs = load[a] as number;
  ratio[a] = ratio[b] as number;
  load[a] = load[b] as number;
  ratio[b] = one;
  load[b] = weighs;
}
