// Drives the session browser, or the gateway's own page, in a headless Chromium. Each figure is a line
// `figure NAME: NUMBER`. A time ends with the second animation frame after the change: it has been painted then.
import { existsSync } from "node:fs";
const { chromium } = await import(process.env.PLAYWRIGHT);
const [what, address] = process.argv.slice(2);
const CHROMIUM = "/usr/bin/chromium";
const browser = await chromium.launch({
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
  ...(existsSync(CHROMIUM) ? { executablePath: CHROMIUM } : {}),
});
const figure = (name, number) => console.log(`figure ${name}: ${number.toFixed(2)}`);
const percentile = (all, percent) => all.sort((a, b) => a - b)[Math.ceil(((all.length - 1) * percent) / 100)];

// In the page: resolves when something matches and is painted, with the time since `from`.
const HELPERS = `
  const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))));
  window.__when = async (matches, from) => {
    const end = performance.now() + 30000;
    while (!matches()) {
      if (performance.now() > end) throw new Error("it did not come: " + matches);
      await new Promise((done) => setTimeout(done, 1));
    }
    return (await painted()) - from;
  };`;

async function firstPaint(context, url, selector) {
  const page = await context.newPage();
  await page.addInitScript(HELPERS);
  await page.addInitScript(`window.__first = window.__when(() => document.querySelector(${JSON.stringify(selector)}), 0);`);
  await page.goto(url, { waitUntil: "commit" });
  return { page, ms: await page.evaluate(() => window.__first) };
}

async function ours() {
  const context = await browser.newContext({ viewport: { width: 1120, height: 720 } });
  const times = [];
  for (let n = 0; n < 7; n++) {
    const { page, ms } = await firstPaint(context, `${address}/browser.html`, ".session");
    if (n > 0) times.push(ms);
    await page.close();
  }
  figure("first paint", percentile(times, 50));

  const { page } = await firstPaint(context, `${address}/browser.html`, ".session");
  await page.evaluate(() => window.__when(() => document.querySelector(".session-lines")?.clientHeight > 100000, 0));
  const filters = await page.evaluate(async () => {
    const all = [];
    const keys = () => [...document.querySelectorAll(".session")].map((row) => row.id + row.textContent).join("|");
    for (let n = 0; n < 40; n++) {
      const before = keys();
      const from = performance.now();
      document.querySelectorAll(".segments button")[n % 2 === 0 ? 1 : 0].click();
      all.push(await window.__when(() => keys() !== before, from));
    }
    return all;
  });
  figure("filter", percentile(filters, 95));

  await page.keyboard.press("Control+k");
  const field = page.getByRole("combobox");
  await field.waitFor();
  const searches = await page.evaluate(async (words) => {
    const all = [];
    const field = document.querySelector('[role="combobox"]');
    const shown = () => document.querySelector(".palette-list")?.textContent ?? "";
    for (const word of words) {
      for (let length = 2; length <= word.length; length++) {
        const before = shown();
        const from = performance.now();
        field.value = word.slice(0, length);
        field.dispatchEvent(new InputEvent("input", { bubbles: true }));
        // The same hits again are an answer, too; they are not counted.
        const changed = await Promise.race([
          window.__when(() => shown() !== before, from),
          new Promise((done) => setTimeout(done, 1500)),
        ]);
        if (changed !== undefined) all.push(changed);
      }
    }
    return all;
  }, ["gateway session", "deploy docker", "error token", "message window", "the answer is"]);
  figure("search", percentile(searches, 95));
  figure("search keystrokes that changed the results", searches.length);
  await page.keyboard.press("Escape");

  const opens = await page.evaluate(async () => {
    const all = [];
    const heading = () => document.querySelector(".conversation h1")?.textContent ?? "";
    const rows = () => [...document.querySelectorAll(".session")];
    for (let n = 0; n < 11; n++) {
      const row = rows()[n % 2 === 0 ? 0 : 1];
      const before = heading();
      const from = performance.now();
      row.click();
      const ms = await window.__when(() => heading() !== before && document.querySelector('[id^="message-"]'), from);
      if (n > 0) all.push(ms);
    }
    return all;
  });
  figure("open", percentile(opens, 50));
  const session = await context.newCDPSession(page);
  await session.send("Performance.enable");
  const { metrics } = await session.send("Performance.getMetrics");
  figure("memory of the page's heap", metrics.find(({ name }) => name === "JSHeapUsedSize").value / 2 ** 20);
}

async function theirs() {
  const context = await browser.newContext({ viewport: { width: 1120, height: 720 } });
  const times = [];
  for (let n = 0; n < 4; n++) {
    const { page, ms } = await firstPaint(context, address, "main table, main [class*=session], main [class*=empty]");
    if (n > 0) times.push(ms);
    await page.close();
  }
  figure("open to first useful paint, median", percentile(times, 50));
}

try {
  await (what === "ours" ? ours() : theirs());
} finally {
  await browser.close();
}
