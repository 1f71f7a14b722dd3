/** Lets one resource be lost by a release, for a while. */
export type Waiver = {
  /** Of the stack, such as `beta-FhirParticleAdapter`. */
  readonly stackName: string;
  readonly logicalId: string;
  /** The last day on which it holds: `YYYY-MM-DD`, UTC; at most {@link DAYS_AHEAD} days from now. */
  readonly until: string;
  readonly reason: string;
};

/** Enough for a release that waits for an approval; whoever needs longer says so again. */
const DAYS_AHEAD = 30;

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * The logical ids of a stack that may be lost today.
 *
 * @param today `YYYY-MM-DD`, UTC
 * @throws Error for a waiver of any stack whose last day is none, or too far away
 */
export function waivedIds(waivers: readonly Waiver[], stackName: string, today: string): ReadonlySet<string> {
  const now = dayOf(today);
  const waived = new Set<string>();
  for (const waiver of waivers) {
    const until = dayOf(waiver.until);
    if (!(until - now <= DAYS_AHEAD * DAY_MS)) {
      throw new Error(
        `The waiver for ${waiver.logicalId} needs a last day (until) in the form YYYY-MM-DD, at most ${DAYS_AHEAD} days from today.`,
      );
    }
    if (waiver.stackName === stackName && now <= until) {
      waived.add(waiver.logicalId);
    }
  }
  return waived;
}

/** Epoch milliseconds of the start of the day; NaN for what is no day of the calendar. */
function dayOf(text: string): number {
  const start = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(start) && new Date(start).toISOString().startsWith(text) ? start : Number.NaN;
}
