/** Why a request goes no further: the simulator closes, or what was held is dropped. */
export class Abandoned extends Error {
  override readonly name = "Abandoned";
}

/** Requests that wait until somebody lets them go on. */
export class HeldRequests {
  #waiting: PromiseWithResolvers<void>[] = [];

  /** @throws Abandoned when it is dropped instead of released */
  wait(): Promise<void> {
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn);
    return turn.promise;
  }

  /** Answers how many. */
  release(): number {
    const released = this.#waiting.splice(0);
    for (const turn of released) turn.resolve();
    return released.length;
  }

  drop(): void {
    for (const turn of this.#waiting.splice(0)) turn.reject(new Abandoned());
  }
}
