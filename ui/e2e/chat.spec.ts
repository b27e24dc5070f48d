import { expect } from "@playwright/test";
import type { Change } from "../src/api/Change";
import type { MessageView } from "../src/api/MessageView";
import { accessible, open, prompt, requests, test } from "./page";

test("a prompt is sent, its answer streams in, and the popup stays usable", async ({ page }) => {
  await open(page, "new");
  await expect(prompt(page)).toBeFocused();
  await page.keyboard.type("How do I check this?");
  await page.keyboard.press("Enter");
  await expect(page.locator(".said")).toContainText("How do I check this?");
  await expect(page.locator('.answer[aria-busy="true"]')).toBeVisible();
  await expect(page.locator(".foot .state")).toContainText("Main");
  await expect(page.getByRole("button", { name: "Stop the run" })).toBeVisible();
  await expect(page.locator(".answer .markdown li")).toHaveCount(2);
  await expect(page.locator('.answer[aria-busy="false"]')).toBeVisible();
  await expect(page.locator(".answer .code")).toContainText("cargo check --workspace");
  await expect(page.locator(".foot .state")).toContainText("connected");
  await page.keyboard.type("And then?");
  await page.keyboard.press("Enter");
  await expect(page.locator(".said").last()).toContainText("And then?");
  await accessible(page);
});

test("the popup stands before the code of conversations has come", async ({ page }) => {
  const html = await (await page.request.get("/popup.html")).text();
  let allow = (): void => undefined;
  const allowed = new Promise<void>((resolve) => (allow = resolve));
  const held: string[] = [];
  await page.route("**/assets/Transcript-*.js", async (route) => {
    held.push(route.request().url());
    await allowed;
    await route.continue();
  });
  expect(html).not.toContain("Transcript-");
  await open(page, "new");
  await expect(prompt(page)).toBeFocused();
  await page.keyboard.type("How do I check this?");
  await page.keyboard.press("Enter");
  await expect.poll(() => held.length).toBe(1);
  await expect(page.locator(".said")).toHaveCount(0);
  allow();
  await expect(page.locator(".said")).toContainText("How do I check this?");
});

test("Esc hides while the run goes on; Ctrl . stops it", async ({ page }) => {
  await open(page, "new");
  await page.evaluate(() => (window.__FAKE__!.pace = 200));
  await prompt(page).fill("Tell me a lot");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Stop the run" })).toBeVisible();
  await page.keyboard.press("Escape");
  expect(await requests(page, "hideWindow")).toHaveLength(1);
  expect(await requests(page, "stop")).toHaveLength(0);
  await expect(page.locator(".answer .markdown")).toContainText("You");
  await page.keyboard.press("Control+.");
  await expect(page.locator(".answer")).toContainText("Stopped");
  expect(await requests(page, "stop")).toHaveLength(1);
});

test("a follow-up goes out while the run is still active", async ({ page }) => {
  await open(page, "streaming");
  await prompt(page).fill("Only for release builds");
  await expect(page.getByRole("button", { name: "Send", exact: true })).toBeVisible();
  await page.keyboard.press("Enter");
  expect(await requests(page, "sendMessage")).toHaveLength(1);
});

test("offline: written now, shown as waiting, taken back, sent once when it is back", async ({ page }) => {
  await open(page, "offline");
  await expect(page.locator(".note")).toContainText(/Next try in \d+ s/);
  await prompt(page).fill("And call Ida");
  await page.keyboard.press("Enter");
  await expect(page.locator(".waiting")).toHaveCount(2);
  await page.locator(".waiting").last().locator("xpath=following-sibling::*[1]").getByRole("button", { name: "Edit" }).click();
  await expect(page.locator(".waiting")).toHaveCount(1);
  await expect(prompt(page)).toHaveValue("And call Ida");
  await page.getByRole("button", { name: "Try now" }).click();
  await expect(page.locator(".said")).toContainText("Remind me to send the signed contract");
  await expect(page.locator(".waiting")).toHaveCount(0);
});

test("a prompt that was not taken can be tried again", async ({ page }) => {
  await open(page, "failed");
  await page.getByRole("button", { name: "Try again" }).click();
  expect(await requests(page, "retryQueued")).toEqual([{ type: "retryQueued", id: "o1" }]);
  await expect(page.locator(".said")).toContainText("Summarise the meeting.");
});

test("files are pasted, dropped and chosen; what is too large is refused with a reason", async ({ page }) => {
  await open(page, "new");
  const drop = (kind: "drop" | "paste", name: string, type: string, size: number) =>
    page.locator(".prompt").evaluate(
      (field, file) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(file.size)], file.name, { type: file.type }));
        if (file.kind === "drop") field.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        else field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }));
      },
      { kind, name, type, size },
    );
  await drop("paste", "image.png", "image/png", 1200);
  await expect(page.locator(".chip", { hasText: "Image.png" })).toContainText("1 kB");
  await drop("drop", "notes.txt", "text/plain", 5000);
  await expect(page.locator(".attachments .chip")).toHaveCount(2);
  await drop("drop", "film.mov", "video/quicktime", 21_000_000);
  await expect(page.getByRole("alert")).toContainText("film.mov is larger than 20 MB.");
  await drop("drop", "big.png", "image/png", 7_000_000);
  await expect(page.getByRole("alert")).toContainText("big.png is an image larger than 6 MB.");
  await accessible(page);
  await page.getByRole("button", { name: "Remove notes.txt" }).click();
  await expect(page.locator(".attachments .chip")).toHaveCount(1);
  await page.keyboard.press("Enter");
  const [sent] = await requests(page, "sendMessage");
  expect(sent).toMatchObject({ attachments: [{ name: "Image.png", mimeType: "image/png" }] });
});

test("clipboard, selected text and a screenshot go along when one chooses them, and only then", async ({ page }) => {
  await open(page, "new");
  await page.keyboard.press("Control+u");
  await expect(page.getByRole("listbox", { name: "Attach" }).getByRole("option")).toHaveText([/Attach a file/, /Attach the clipboard/, /Attach the selected text/, /Attach a screenshot/]);
  await accessible(page);
  expect(await page.evaluate(() => window.__FAKE__!.captures)).toEqual([]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.locator(".attachments .chip")).toContainText("Clipboard.txt");
  await expect(page.locator(".attachments .chip .excerpt")).toHaveText("cargo build --release");
  await page.getByRole("button", { name: "Attach", exact: true }).click();
  await page.getByRole("option", { name: "Attach a screenshot" }).click();
  await expect(page.locator(".attachments .chip").nth(1).locator("img.thumb")).toBeVisible();
  expect(await requests(page, "showWindow")).toEqual([{ type: "showWindow", window: "popup" }]);
  await page.getByRole("button", { name: "Remove Clipboard.txt" }).click();
  await page.evaluate(() => (window.__FAKE__!.captured.selection = null));
  await page.keyboard.press("Control+u");
  await page.getByRole("option", { name: "Attach the selected text" }).click();
  await expect(page.getByRole("alert")).toContainText("There is nothing to attach.");
  await prompt(page).press("Enter");
  expect(await requests(page, "sendMessage")).toMatchObject([{ attachments: [{ name: "Screenshot.png", mimeType: "image/png" }] }]);
  expect(await page.evaluate(() => window.__FAKE__!.captures)).toEqual(["clipboard", "screenshot", "selection"]);
});

test("code and answers are copied, an answer is quoted, a prompt is edited and asked again", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await open(page, "code");
  await page.locator(".code").getByRole("button", { name: "Copy" }).click();
  await expect(page.locator(".code header")).toContainText("Copied");
  expect(await clipboard()).toMatch(/^\/\/\/ Waits between attempts/);
  await prompt(page).focus();
  await page.keyboard.press("Control+Shift+C");
  await expect.poll(clipboard).toMatch(/^Here is the smallest change/);
  await page.getByRole("button", { name: "Quote" }).click();
  await expect(prompt(page)).toHaveValue(/^> Here is the smallest change that works:\n>\n> ```rust/);
  await prompt(page).fill("");
  await page.locator(".said").hover();
  await page.getByRole("button", { name: "Edit and send again" }).click();
  await expect(prompt(page)).toHaveValue("How should reconnecting wait?");
  await prompt(page).fill("");
  await page.getByRole("button", { name: "Ask again", exact: true }).click();
  expect(await requests(page, "sendMessage")).toMatchObject([{ text: "How should reconnecting wait?" }]);
});

test("links open outside, through the app, with their host in sight", async ({ page }) => {
  await open(page, "code");
  const link = page.getByRole("link", { name: /the guide/ });
  await expect(link).toContainText("docs.example.org");
  await link.click();
  await link.focus();
  await page.keyboard.press("Enter");
  expect(await requests(page, "openLink")).toEqual([
    { type: "openLink", url: "https://docs.example.org/backoff" },
    { type: "openLink", url: "https://docs.example.org/backoff" },
  ]);
  expect(page.url()).toContain("/popup.html");
});

test("tool calls unfold to arguments and output", async ({ page }) => {
  await open(page, "streaming");
  await page.getByRole("button", { name: /Read build\.log, ran 2 commands/ }).click();
  await expect(page.locator(".call")).toHaveCount(3);
  await page.getByRole("button", { name: /^exec cargo build/ }).click();
  await expect(page.getByRole("region", { name: "Output" })).toContainText("crate-11");
  await expect(page.getByRole("region", { name: "Output" })).not.toContainText("crate-12");
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(page.getByRole("region", { name: "Output" })).toContainText("crate-29");
  await accessible(page);
});

test("a question is answered with an option or in own words", async ({ page }) => {
  await open(page, "question");
  await expect(page.getByRole("timer")).toBeVisible();
  await expect(page.getByRole("button", { name: "Answer" })).toBeDisabled();
  await page.getByLabel("Newsletter").check();
  await page.getByRole("button", { name: "Answer" }).click();
  expect(await requests(page, "answerQuestion")).toEqual([{ type: "answerQuestion", gateway: "home", id: "q1", answers: { channel: ["Newsletter"] } }]);
});

test("model and thinking level are chosen by keyboard", async ({ page }) => {
  await open(page, "empty");
  await expect(page.getByRole("button", { name: "Model: Opus 4.6" })).toBeVisible();
  await page.keyboard.press("Control+m");
  await page.keyboard.type("sonnet");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Model: Sonnet 4.6" })).toBeVisible();
  await page.keyboard.press("Control+m");
  await page.keyboard.type("low");
  await page.keyboard.press("Enter");
  expect(await requests(page, "setSessionModel")).toMatchObject([{ model: "anthropic/claude-sonnet-4-6" }, { thinking: "low" }]);
  await expect(prompt(page)).toBeFocused();
});

test("what is typed right after a shortcut lands in the list's field, before anything is drawn", async ({ page }) => {
  await open(page, "empty");
  await prompt(page).focus();
  const focused = await page.evaluate(async () => {
    const key = { key: "m", ctrlKey: true, bubbles: true, cancelable: true };
    document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", key));
    for (let turn = 0; turn < 60; turn += 1) await Promise.resolve();
    return document.activeElement?.className;
  });
  expect(focused).toBe("filter");
});

test("a background send leaves the conversation alone and hides", async ({ page }) => {
  await open(page, "done");
  await prompt(page).fill("Count the open issues");
  await page.keyboard.press("Alt+Enter");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  expect(await requests(page, "sendInBackground")).toMatchObject([{ text: "Count the open issues", timeoutSeconds: 300 }]);
  await expect.poll(() => requests(page, "hideWindow")).toHaveLength(1);
  await expect(prompt(page)).toHaveValue("");
});

test("the reply to another client's first prompt is followed to its end", async ({ page }) => {
  await open(page, "new");
  const message = (id: string, role: "user" | "assistant", state: "done" | "streaming", text: string): MessageView => ({ id, role, state, text, thinking: "", tools: [], attachments: [], atMs: Date.now() });
  const patch = (...changes: Change[]): Promise<void> => page.evaluate((changes) => window.__FAKE__!.patch(...changes), changes);
  await patch({ type: "message", message: message("theirs", "user", "done", "Asked elsewhere.") });
  await expect(page.getByText("Asked elsewhere.")).toBeVisible();
  const lines = Array.from({ length: 60 }, (_, index) => `Line ${index}.`).join("\n\n");
  await patch({ type: "message", message: message("answer", "assistant", "streaming", "") }, { type: "run", run: { id: "r", phase: "replying", startedAtMs: Date.now() } });
  await patch({ type: "appendText", id: "answer", text: `${lines}\n\nThe very end.` });
  await expect(page.getByText("The very end.")).toBeInViewport();
  await expect(page.getByRole("button", { name: "Jump to newest" })).toHaveCount(0);
});

test("earlier messages are one step away and do not move what is read", async ({ page }) => {
  await open(page, "done");
  await expect(page.locator(".said")).toHaveCount(1);
  await page.getByRole("button", { name: "Earlier messages" }).click();
  await expect(page.locator(".said")).toHaveCount(2);
  await page.getByRole("button", { name: "Earlier messages" }).click();
  await expect(page.locator(".said")).toHaveCount(12);
  await expect(page.getByText("1,284 of 2,960")).toBeInViewport();
  await page.locator(".talk").evaluate((box) => box.scrollTo(0, 0));
  await page.getByRole("button", { name: "Jump to newest" }).click();
  await expect(page.getByText("1,284 of 2,960")).toBeInViewport();
});

test("the window is told its height whenever it changes", async ({ page }) => {
  await open(page, "new");
  const last = async () => (await requests(page, "fitPopup")).at(-1) as { height: number };
  const before = (await last()).height;
  await prompt(page).fill("one\ntwo\nthree");
  await expect.poll(async () => (await last()).height).toBeGreaterThan(before);
  const measured = await page.locator(".popup").evaluate((box) => Math.ceil(box.getBoundingClientRect().height));
  expect((await last()).height).toBe(measured);
  await prompt(page).fill(Array.from({ length: 80 }, (_, line) => `line ${line}`).join("\n"));
  await expect.poll(async () => (await last()).height).toBeLessThanOrEqual(560);
});

test("first run: what was found is offered, another is added by its address, its token leaves no trace", async ({ page }) => {
  await open(page, "first-run");
  await page.getByRole("button", { name: "Add another gateway" }).click();
  await page.getByLabel("Address").fill("studio.local");
  await page.locator(".add").getByRole("button", { name: "Connect" }).click();
  await expect(page.getByRole("alert")).toContainText("The address must begin with");
  await accessible(page);
  await page.getByLabel("Address").fill("wss://studio.local:18789");
  await page.getByLabel("Token (optional)").fill("canary-token");
  await page.locator(".add").getByRole("button", { name: "Connect" }).click();
  expect(await requests(page, "addGateway")).toEqual([
    { type: "addGateway", name: "studio.local", url: "wss://studio.local:18789", token: "canary-token", sessionOnly: false },
  ]);
  await expect(prompt(page)).toBeVisible();
  const traces = await page.evaluate(() => [document.documentElement.outerHTML, JSON.stringify({ ...localStorage }), location.href].join());
  expect(traces).not.toContain("canary-token");
});

test("a found gateway is accepted with one click", async ({ page }) => {
  await open(page, "first-run");
  await page.getByRole("button", { name: "Connect" }).first().click();
  expect(await requests(page, "acceptFoundGateway")).toEqual([{ type: "acceptFoundGateway", id: "f1", sessionOnly: false }]);
  await expect(prompt(page)).toBeFocused();
});

test("pairing: the command is copied, and the popup goes on by itself", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(page, "pairing");
  await page.keyboard.press("Control+c");
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe("openclaw devices approve 7f3a91c2");
  await page.evaluate(() => window.__FAKE__!.request({ type: "reconnect", id: "home" }));
  await expect(prompt(page)).toBeFocused();
});

test("a new token, a fingerprint, an unlocked keychain: each state has its step", async ({ page }) => {
  await open(page, "sign-in");
  await page.getByLabel("Token", { exact: true }).fill("fresh");
  await page.keyboard.press("Enter");
  expect(await requests(page, "setGatewayToken")).toEqual([{ type: "setGatewayToken", id: "home", token: "fresh", sessionOnly: false }]);
  await open(page, "certificate");
  await page.getByRole("button", { name: "Trust" }).click();
  expect(await requests(page, "trustCertificate")).toHaveLength(1);
  await open(page, "keychain");
  await page.getByRole("button", { name: "Try again" }).click();
  expect(await requests(page, "retryKeychain")).toHaveLength(1);
});

test("notices come one after the other", async ({ page }) => {
  await open(page, "notice");
  await expect(page.locator(".note")).toHaveCount(1);
  await page.getByRole("button", { name: "Dismiss" }).click();
  await expect(page.locator(".note")).toContainText("This desktop shows no tray icons.");
});

test("screen readers hear finished paragraphs and the wait for an approval, not tokens", async ({ page }) => {
  await open(page, "new");
  const said: string[] = [];
  await page.exposeFunction("heard", (words: string) => said.push(words));
  await page.evaluate(() => {
    const region = document.querySelector('.offscreen[role="status"]')!;
    new MutationObserver(() => (window as unknown as { heard(words: string): void }).heard(region.textContent)).observe(region, { childList: true, characterData: true, subtree: true });
  });
  await prompt(page).fill("Go");
  await page.keyboard.press("Enter");
  await expect(page.locator('.answer[aria-busy="false"]')).toBeVisible();
  await expect.poll(() => said.join("\n")).toContain("That is all there is to it");
  expect(said.filter((words) => words.trim() !== "").length).toBeLessThan(10);
  expect(said.join("\n")).toContain("You asked well. In short:");
});
