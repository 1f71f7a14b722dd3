import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Files that start nothing and change nothing of their process: one after another in the same one, they load faster. */
const PURE = ["test/unit/**/*.test.ts", "test/infra/**/*.test.ts"];
/** These need the synthesised app. */
const OF_THE_ASSEMBLY = ["test/infra/bundle-size.test.ts", "test/infra/deployed-functions.test.ts"];

export default defineConfig({
  test: {
    // Vitest would leave one of two cores idle. Many tests wait for others than the processor: one more file then runs.
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        test: {
          name: "running",
          include: ["test/{contract,integration,protocol}/**/*.test.ts", ...OF_THE_ASSEMBLY],
          globalSetup: ["test/support/assembly-global-setup.ts"],
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "pure",
          include: PURE,
          exclude: OF_THE_ASSEMBLY,
          isolate: false,
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
