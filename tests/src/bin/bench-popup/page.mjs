// Keeps a page open in a headless Chromium: says "ready" when what READY selects is there, then answers each line of its
// input, a text, with where the page shows it; "picture" takes one.
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
const { chromium } = await import(process.env.PLAYWRIGHT);
const [address, ready, picture, inSight] = process.argv.slice(2);
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
    if (text === "picture") {
      await page.screenshot({ path: picture, timeout: 120000 });
      console.log("taken");
      continue;
    }
    // A page that does not follow by itself is scrolled to its end, as its user would.
    await page.mouse.move(380, 300);
    await page.mouse.wheel(0, 1e6);
    console.log(await page.evaluate(`(${inSight})(${JSON.stringify(text)})`));
  }
} finally {
  await browser.close();
}
