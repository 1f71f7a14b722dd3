type Link<Item> = { readonly item: Item; next: Link<Item> | undefined };

export type Fifo<Item> = {
  push(item: Item): void;
  /** Takes the oldest item. */
  shift(): Item | undefined;
  isEmpty(): boolean;
};

/** First in, first out, at the same cost however many wait (an array's `shift` moves all that are left). */
export function createFifo<Item>(): Fifo<Item> {
  let first: Link<Item> | undefined;
  let last: Link<Item> | undefined;
  return {
    push(item) {
      const link: Link<Item> = { item, next: undefined };
      if (last === undefined) {
        first = link;
      } else {
        last.next = link;
      }
      last = link;
    },
    shift() {
      const link = first;
      first = link?.next;
      if (first === undefined) {
        last = undefined;
      }
      return link?.item;
    },
    isEmpty: () => first === undefined,
  };
}
