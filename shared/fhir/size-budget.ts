/** Keeps what is made of an input of any size from growing beyond what can be answered. */
export class SizeBudget {
  #left: number;
  #leftOut = 0;

  constructor(size: number) {
    this.#left = size;
  }

  /** The first of the items, as many as fit. Once one did not fit, nothing fits any more. */
  take<Item>(items: readonly Item[], sizeOf: (item: Item) => number): readonly Item[] {
    const end = items.findIndex((item) => {
      this.#left -= sizeOf(item);
      return this.#left < 0;
    });
    if (end < 0) {
      return items;
    }
    this.#leftOut += items.length - end;
    return items.slice(0, end);
  }

  /** How many items did not fit. */
  get leftOut(): number {
    return this.#leftOut;
  }
}
