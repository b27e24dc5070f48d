import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";
import base from "./playwright.config";

const host = process.env["CLAWTRAY_UI_HOST"];
// Not thrown here: other tools read this file too.
const nothing = "CLAWTRAY_UI_HOST names no program: cargo build -p product-tests --bin ui-host, then CLAWTRAY_UI_HOST=target/debug/ui-host";
const hasHost = host !== undefined && existsSync(host);
// The other configuration has looked for a free port.
const port = process.env["CLAWTRAY_UI_PORT"];

/** The windows on the companion itself, with the built-in gateway behind it. One app, so one worker. */
export default defineConfig({
  ...base,
  testDir: "e2e-host",
  fullyParallel: false,
  workers: 1,
  webServer: {
    command: hasHost ? `"${host}" --dist dist-host --port ${port}` : `node -e "console.error('${nothing}'); process.exit(1)"`,
    url: `http://127.0.0.1:${port}/popup.html`,
    reuseExistingServer: false,
    stdout: "ignore",
  },
});
