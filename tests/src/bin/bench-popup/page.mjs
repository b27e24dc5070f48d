// Keeps a page open in a headless Chromium: says "ready" when what READY selects is there, then answers each line of its
// input, a text, with whether the page shows it.
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
const { chromium } = await import(process.env.PLAYWRIGHT);
const [address, ready, picture] = process.argv.slice(2);
const CHROMIUM = "/usr/bin/chromium";
const browser = await chromium.launch({
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
  ...(existsSync(CHROMIUM) ? { executablePath: CHROMIUM } : {}),
});
try {
  const page = await browser.newPage({ viewport: { width: 760, height: 620 } });
  await page.goto(address);
  await page.locator(ready).first().waitFor({ timeout: 60000 });
  console.log("ready");
  for await (const text of createInterface({ input: process.stdin })) {
    const shown = await page.evaluate((text) => document.documentElement.textContent.includes(text), text);
    await page.screenshot({ path: picture });
    console.log(shown ? "shown" : "not shown");
  }
} finally {
  await browser.close();
}
