import { expect, type Page, test } from "@playwright/test";
import { accessible } from "../e2e/page";

// One app behind all of it: what a test leaves is there for the next, as on a desktop.
test.describe.configure({ mode: "serial" });

let page: Page;
const errors: string[] = [];

const prompt = (on: Page = page) => on.getByRole("textbox", { name: "Message" });
const answers = () => page.locator('.answer[aria-busy="false"]');

async function ask(text: string): Promise<void> {
  await prompt().fill(text);
  await page.keyboard.press("Enter");
  await expect(page.locator(".said").last()).toContainText(text);
}

test.beforeAll(async ({ browser }) => {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 740, height: 680 } });
  page = await context.newPage();
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto("/popup.html");
  await expect(page.locator(".foot .state")).toContainText("connected");
});

test.afterAll(async () => {
  await page.close();
  expect(errors).toEqual([]);
});

test("a prompt goes out and its answer streams in as Markdown, with its tool", async () => {
  await ask("Show me a table, code and a tool");
  await expect(page.locator(".answer").last()).toHaveAttribute("aria-busy", "false");
  await expect(page.locator(".answer .code").last()).toBeVisible();
  await expect(page.locator(".answer table").last()).toBeVisible();
  await expect(page.locator(".fold").last()).toContainText(/current.time/);
  await accessible(page);
});

test("a long answer is stopped, and says so", async () => {
  await ask("A long story");
  await expect(page.getByRole("button", { name: "Stop the run" })).toBeVisible();
  await expect(page.locator('.answer[aria-busy="true"] .markdown')).not.toBeEmpty();
  await page.keyboard.press("Control+.");
  await expect(page.locator(".answer").last()).toContainText("Stopped");
});

test("slash commands of the gateway are completed", async () => {
  await prompt().fill("/st");
  const list = page.getByRole("listbox", { name: "Commands" });
  await expect(list.getByRole("option").first()).toContainText("/st");
  await page.keyboard.press("Tab");
  await expect(prompt()).toHaveValue(/^\/st\w+ $/);
  await prompt().fill("");
});

test("@ picks an agent and begins a session with it", async () => {
  const before = await page.locator(".chips .chip").first().textContent();
  await prompt().fill("Hello @");
  await page.getByRole("listbox", { name: "Agents" }).getByRole("option").first().waitFor();
  await page.keyboard.press("Enter");
  await expect(page.locator(".said")).toHaveCount(0);
  await expect(prompt()).toHaveValue("Hello");
  expect(before).not.toBe("");
  await page.keyboard.press("Enter");
  await expect(answers()).toHaveCount(1);
});

test("any session is picked by a few letters, and stays picked", async () => {
  await page.keyboard.press("Control+k");
  const filter = page.getByRole("combobox", { name: "Find a session" });
  await expect(filter).toBeFocused();
  await page.keyboard.type("table");
  await page.keyboard.press("Enter");
  await expect(page.locator(".said").last()).toContainText("A long story");
  await page.reload();
  await expect(page.locator(".said").last()).toContainText("A long story");
});

test("a draft outlives the window; earlier prompts come back with the arrow", async () => {
  await prompt().fill("Half a thought");
  await prompt().blur();
  await page.reload();
  await expect(prompt()).toHaveValue("Half a thought");
  await prompt().fill("");
  await prompt().blur();
  await prompt().focus();
  await page.keyboard.press("ArrowUp");
  await expect(prompt()).toHaveValue("Hello");
  await page.keyboard.press("ArrowUp");
  await expect(prompt()).toHaveValue("A long story");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await expect(prompt()).toHaveValue("");
});

test("the browser window: list, search, rename, export, jobs", async ({ browser }) => {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1240, height: 760 }, permissions: ["clipboard-read", "clipboard-write"] });
  const window = await context.newPage();
  window.on("pageerror", (error) => errors.push(String(error)));
  await window.goto("/browser.html");
  await expect(window.locator(".session")).toHaveCount(2);
  await window.keyboard.press("Control+k");
  await window.getByRole("combobox", { name: "Search sessions" }).fill("long sto");
  await expect(window.locator(".found mark").first()).toHaveText("long");
  await window.locator(".found", { has: window.locator("mark") }).first().click();
  await expect(window.locator(".said.revealed, .answer.revealed")).toBeInViewport();
  await window.keyboard.press("F2");
  await window.getByLabel("Session name").fill("The long one");
  await window.keyboard.press("Enter");
  await expect(window.locator(".session", { hasText: "The long one" })).toBeVisible();
  await window.keyboard.press("Control+k");
  await window.getByRole("combobox", { name: "Search sessions" }).fill("copy as markdown");
  await window.keyboard.press("Enter");
  await expect.poll(() => window.evaluate(() => navigator.clipboard.readText())).toMatch(/^# The long one\n[\s\S]*A long story/);
  await window.getByRole("tab", { name: "Scheduled" }).click();
  await window.getByRole("button", { name: "Add job" }).click();
  await window.getByLabel("Name").fill("Say the time");
  await window.getByLabel("Message to the agent").fill("Use the clock tool.");
  await window.getByRole("button", { name: "Add job" }).click();
  // This device may read and write, not administer: the panel says so, keeps what was written, and offers to ask.
  await expect(window.locator(".why")).toContainText("does not allow this device");
  await window.getByRole("button", { name: "Allow full control" }).click();
  await expect(window.locator(".why")).toHaveCount(0);
  await expect(window.locator(".gateway")).not.toContainText("connecting");
  await expect(window.getByLabel("Name")).toHaveValue("Say the time");
  await window.getByRole("button", { name: "Add job" }).click();
  await expect(window.locator(".item", { hasText: "Say the time" })).toContainText("Daily at 08:00");
  await window.getByRole("button", { name: "Run Say the time now" }).click();
  await expect(window.locator(".item", { hasText: "Say the time" })).toContainText("done", { timeout: 30_000 });
  await window.getByRole("tab", { name: "Gateway log" }).click();
  await expect(window.locator(".why")).toContainText("does not provide this information");
  await context.close();
});

test("a gateway that is not there: what is written waits, and is taken back", async () => {
  await page.evaluate(async () => {
    const socket = new WebSocket(new URL("/host", location.href.replace(/^http/, "ws")));
    const answer = (id: number): Promise<{ ok?: { id: string }; error?: unknown }> =>
      new Promise((resolve) => socket.addEventListener("message", ({ data }: MessageEvent<string>) => {
        const message = JSON.parse(data) as { id?: number };
        if (message.id === id) resolve(message as { ok: { id: string } });
      }));
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    const added = answer(1);
    socket.send(JSON.stringify({ id: 1, request: { type: "addGateway", name: "Nowhere", url: "ws://127.0.0.1:1", token: "x", sessionOnly: true } }));
    const id = (await added).ok?.id;
    const used = answer(2);
    socket.send(JSON.stringify({ id: 2, request: { type: "useGateway", id } }));
    await used;
    socket.close();
  });
  await expect(page.locator(".note")).toContainText("Nowhere is not reachable");
  await prompt().fill("Remember me");
  await page.keyboard.press("Enter");
  await expect(page.locator(".waiting")).toContainText("Remember me");
  await page.getByRole("button", { name: "Remove" }).click();
  await expect(page.locator(".waiting")).toHaveCount(0);
  await page.keyboard.press("Control+g");
  await page.getByRole("option").filter({ hasNotText: "Nowhere" }).first().click();
  await expect(page.locator(".foot .state")).toContainText("connected");
});
