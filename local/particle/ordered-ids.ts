type Place = { readonly order: number; readonly id: string };

const chunkSize = 512;

/** Index of the first place of `sorted` for which `isPast` holds; `isPast` holds for all after it. */
function firstIndex<Item>(sorted: readonly Item[], isPast: (item: Item) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = sorted[middle];
    if (item !== undefined && isPast(item)) high = middle;
    else low = middle + 1;
  }
  return low;
}

const lastOrder = (chunk: readonly Place[]): number => chunk.at(-1)?.order ?? Number.NEGATIVE_INFINITY;

/**
 * Ids in the order in which they were added, held in short runs, so that neither removing one nor starting a page in the
 * middle of a million walks through them all.
 */
export class OrderedIds {
  readonly #chunks: Place[][] = [];

  /** @param order greater than that of any id added before */
  append(order: number, id: string): void {
    const last = this.#chunks.at(-1);
    if (last && last.length < chunkSize) last.push({ order, id });
    else this.#chunks.push([{ order, id }]);
  }

  remove(order: number): void {
    const at = firstIndex(this.#chunks, (chunk) => lastOrder(chunk) >= order);
    const chunk = this.#chunks[at];
    if (!chunk) return;
    const index = firstIndex(chunk, (place) => place.order >= order);
    if (chunk[index]?.order === order) chunk.splice(index, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** From the first id whose order is at least `order`. */
  *from(order: number): Generator<string> {
    for (let at = firstIndex(this.#chunks, (chunk) => lastOrder(chunk) >= order); at < this.#chunks.length; at += 1) {
      const chunk = this.#chunks[at] ?? [];
      for (let index = firstIndex(chunk, (place) => place.order >= order); index < chunk.length; index += 1) {
        const place = chunk[index];
        if (place) yield place.id;
      }
    }
  }
}
