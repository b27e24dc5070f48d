import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { defineConfig } from "@playwright/test";

/** A port that nobody listens on now. */
async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return String(address.port);
}

// Workers read this file again and must find the same port.
const PORT = (process.env.CLAWTRAY_UI_PORT ??= await freePort());
const SYSTEM_CHROMIUM = "/usr/bin/chromium";

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  timeout: 60_000,
  // A laden machine makes everything slow and nothing wrong.
  expect: { timeout: 15_000 },
  fullyParallel: true,
  workers: 2,
  reporter: [["list"]],
  use: {
    baseURL: `http://127.0.0.1:${PORT}`,
    browserName: "chromium",
    viewport: { width: 740, height: 680 },
    deviceScaleFactor: 2,
    locale: "en-GB",
    timezoneId: "UTC",
    launchOptions: {
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
      ...(existsSync(SYSTEM_CHROMIUM) ? { executablePath: SYSTEM_CHROMIUM } : {}),
    },
  },
  webServer: {
    command: `npx vite preview --outDir dist-fake --host 127.0.0.1 --port ${PORT} --strictPort`,
    url: `http://127.0.0.1:${PORT}/popup.html`,
    reuseExistingServer: false,
  },
});
