// Drives the session browser, or the gateway's own page, in a headless Chromium. Each figure is a line
// `figure NAME: NUMBER`. A time ends when the frame with the change has been painted.
import { existsSync } from "node:fs";
const { chromium } = await import(process.env.PLAYWRIGHT);
const [what, address, ...rest] = process.argv.slice(2);
const CHROMIUM = "/usr/bin/chromium";
const browser = await chromium.launch({
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
  ...(existsSync(CHROMIUM) ? { executablePath: CHROMIUM } : {}),
});
const figure = (name, number) => console.log(`figure ${name}: ${number.toFixed(2)}`);
const percentile = (all, percent) => all.sort((a, b) => a - b)[Math.ceil(((all.length - 1) * percent) / 100)];

// In the page: resolves when something matches and is painted, with the time since `from`. What a task does that an
// animation frame posts comes after the frame's own painting.
const HELPERS = `
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => done(performance.now());
    port2.postMessage(0);
  }));
  window.__when = (matches, from) => new Promise((done, failed) => {
    const late = setTimeout(() => { observer.disconnect(); failed(new Error("it did not come: " + matches)); }, 30000);
    const look = () => {
      if (!matches()) return;
      observer.disconnect();
      clearTimeout(late);
      painted().then((at) => done(at - from));
    };
    const observer = new MutationObserver(look);
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    look();
  });
  window.__type = async (field, shown, words) => {
    const all = [];
    for (const word of words) {
      for (let length = 1; length <= word.length; length++) {
        const before = shown();
        const from = performance.now();
        field.value = word.slice(0, length);
        field.dispatchEvent(new InputEvent("input", { bubbles: true }));
        // The same again is an answer, too; it is not counted.
        const same = new Promise((done) => setTimeout(done, 700));
        const changed = await Promise.race([window.__when(() => shown() !== before, from).catch(() => undefined), same]);
        if (changed !== undefined) all.push(changed);
      }
    }
    return all;
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
  const talks = [];
  for (let n = 0; n < 7; n++) {
    const { page, ms } = await firstPaint(context, `${address}/browser.html`, '[id^="message-"]');
    if (n > 0) talks.push(ms);
    await page.close();
  }
  figure("window open to the conversation in it, median", percentile(talks, 50));

  const { page } = await firstPaint(context, `${address}/browser.html`, ".session");
  await page.evaluate(() => window.__when(() => document.querySelector(".session-lines")?.clientHeight > 100000, 0));
  await page.waitForTimeout(1500);
  const filters = await page.evaluate(() => {
    const field = document.querySelector(".list-filter input");
    const rows = () => [...document.querySelectorAll(".session")].map((row) => row.id + row.textContent).join("|");
    return window.__type(field, rows, ["gateway", "", "deploy", "", "session 12", "", "telegram", "", "the", ""].map((word) => word || " "));
  });
  figure("filter", percentile(filters, 95));
  figure("filter keystrokes that changed the list", filters.length);
  await page.evaluate(() => {
    const field = document.querySelector(".list-filter input");
    field.value = "";
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  });

  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search sessions" }).waitFor();
  const searches = await page.evaluate(() => {
    const field = document.querySelector('input[role="combobox"]');
    const shown = () => document.querySelector(".palette-list")?.textContent ?? "";
    return window.__type(field, shown, ["gateway session", "deploy docker", "error token", "message window", "the answer is"]);
  });
  figure("search", percentile(searches, 95));
  figure("search keystrokes that changed the results", searches.length);
  await page.keyboard.press("Escape");

  const opens = await page.evaluate(async () => {
    const all = [];
    const newest = () => [...document.querySelectorAll('[id^="message-"]')].at(-1)?.id;
    // The largest is the newest and pinned: the first of the list. Another is opened in between.
    for (let n = 0; n < 22; n++) {
      const rows = [...document.querySelectorAll(".session")];
      const before = newest();
      const from = performance.now();
      rows[n % 2 === 0 ? 1 : 0].click();
      const ms = await window.__when(() => newest() !== undefined && newest() !== before, from);
      if (n % 2 === 1) all.push(ms);
      await new Promise((done) => setTimeout(done, 300));
    }
    return all;
  });
  figure("open", percentile(opens, 50));
  const session = await context.newCDPSession(page);
  await session.send("Performance.enable");
  const { metrics } = await session.send("Performance.getMetrics");
  figure("memory of the page's heap", metrics.find(({ name }) => name === "JSHeapUsedSize").value / 2 ** 20);
}

// Both sides of the comparison: from opening the address until what matches is painted.
async function opened(name, url, selector, text) {
  const context = await browser.newContext({ viewport: { width: 1120, height: 720 } });
  const times = [];
  for (let n = 0; n < 6; n++) {
    const page = await context.newPage();
    await page.addInitScript(HELPERS);
    await page.addInitScript(([selector, text]) => {
      const matches = () => [...document.querySelectorAll(selector)].some((place) => place.textContent.includes(text));
      window.__first = window.__when(matches, 0);
      window.__first.catch(() => undefined);
    }, [selector, text]);
    await page.goto(url, { waitUntil: "commit" });
    const ms = await page.evaluate(() => window.__first);
    if (n > 0) times.push(ms);
    await page.close();
  }
  await context.close();
  figure(name, percentile(times, 50));
}

const LIST = "window open to the list of sessions, real gateway, median";
const TALK = "window open to the end of a long session, real gateway, median";

async function oursLive(messages) {
  const page = await browser.newPage();
  await page.goto(`${address}/browser.html`);
  await page.locator(".session", { hasText: "Bench session" }).first().waitFor();
  await page.waitForFunction(() => document.querySelector(".session-lines").clientHeight > 300 * 50);
  await page.locator(".list-filter input").fill("Bench session, long");
  await page.locator(".session", { hasText: "Bench session, long" }).click();
  await page.getByText(`Line ${messages - 1} of`).waitFor();
  await page.close();
  await opened(LIST, `${address}/browser.html`, ".session", "Bench session");
  await opened(TALK, `${address}/browser.html`, ".talk", `Line ${messages - 1} of`);
}

async function theirs(messages, token) {
  await opened(LIST, `${address}/sessions#token=${token}`, "body", "Bench session 2");
  await opened(TALK, `${address}/chat?session=agent:main:bench-long#token=${token}`, "body", `Line ${messages - 1} of`);
}

try {
  if (what === "ours") await ours();
  else if (what === "ours-live") await oursLive(Number(rest[0]));
  else await theirs(Number(rest[0]), process.env.GATEWAY_TOKEN);
} finally {
  await browser.close();
}
