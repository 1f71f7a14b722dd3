import type { Waiver } from "./waived-losses.ts";

/** Losses that a release may bring about. Each has a day on which it ends; take it out once it is released. */
export const waivers: readonly Waiver[] = [];
