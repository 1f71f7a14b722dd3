/** One writer at a time for each table; whoever needs several tables waits for all of them. */
export class TableLocks {
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Runs `work` alone on the tables. The places in all queues are taken at once, so everybody waits only for those who
   * came before and nobody can wait in a circle.
   */
  async run<T>(tables: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = tables.map((table) => this.#last.get(table));
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    for (const table of tables) {
      this.#last.set(table, ended);
    }
    await Promise.all(before);
    try {
      return await work();
    } finally {
      for (const table of tables) {
        if (this.#last.get(table) === ended) {
          this.#last.delete(table);
        }
      }
      end();
    }
  }
}
