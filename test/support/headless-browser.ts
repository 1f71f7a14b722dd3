import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const KNOWN_PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** A Chromium of this machine, `CHROMIUM_PATH` before those at the usual places; undefined where there is none. */
export const chromiumPath: string | undefined = [process.env["CHROMIUM_PATH"] ?? "", ...KNOWN_PATHS].find(
  (path) => path !== "" && existsSync(path),
);

/** Starts it with a profile of its own, which is gone when it is closed, and without traffic of the browser's own. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath ?? "",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
