/** Runs all of the work, at most `limit` of it at the same time; the ends are in the order of the work. */
export async function inParallel<Result>(
  limit: number,
  work: readonly (() => Promise<Result>)[],
): Promise<PromiseSettledResult<Result>[]> {
  const ends: PromiseSettledResult<Result>[] = [];
  const queue = work.entries();
  const worker = async (): Promise<void> => {
    for (const [index, run] of queue) {
      const [end] = await Promise.allSettled([run()]);
      ends[index] = end;
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return ends;
}
