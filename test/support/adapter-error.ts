import { AdapterError } from "../../shared/failure/failure.ts";

/** The AdapterError that `work` ends with; anything else is the test's failure. */
export async function adapterErrorOf(work: Promise<unknown>): Promise<AdapterError> {
  const error = await work.then(
    () => new Error("It succeeded."),
    (reason: unknown) => reason,
  );
  if (!(error instanceof AdapterError)) {
    throw error;
  }
  return error;
}
