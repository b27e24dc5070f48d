import { expect, type Page } from "@playwright/test";
import type { Change } from "../src/api/Change";
import type { MessageView } from "../src/api/MessageView";
import { accessible, requests, test } from "./page";

test.use({ viewport: { width: 1120, height: 720 } });

async function open(page: Page, scenario: string, more = ""): Promise<void> {
  await page.goto(`/browser.html?fake=${scenario}${more}`);
  await page.locator(".session").first().waitFor();
}

test("ten thousand sessions: only those in sight are in the page, the keys reach all", async ({ page }) => {
  await open(page, "many");
  expect(await page.locator(".session").count()).toBeLessThan(60);
  await page.locator(".session-scroll").evaluate((box) => box.scrollTo(0, 300_000));
  await expect(page.locator(".session", { hasText: /Session number 5\d\d\d/ }).first()).toBeVisible();
  await page.locator("#session-list").focus();
  await page.keyboard.press("End");
  await expect(page.locator('.session[aria-selected="true"]')).toContainText("Session number 9999");
  await expect(page.locator('.session[aria-selected="true"]')).toBeInViewport();
});

test("filters by word and by key; an empty one says so", async ({ page }) => {
  await open(page, "browser");
  await page.keyboard.press("Control+4");
  await expect(page.locator(".session")).toHaveCount(1);
  await expect(page.locator(".session")).toContainText("Needs approval");
  await page.keyboard.press("Control+2");
  await expect(page.locator(".session")).toContainText("Lights at sunset");
  await page.locator(".session").click();
  await expect(page.locator(".sessions")).toContainText("No unread sessions.");
  expect(await requests(page, "markRead")).toEqual([{ type: "markRead", session: { gateway: "home", session: "s-lights" } }]);
});

test("a hit opens its message in place; actions are found by name", async ({ page }) => {
  await open(page, "browser");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search sessions" }).fill("not merged");
  await expect(page.locator(".found mark")).toHaveText("not merged");
  await page.keyboard.press("Enter");
  await expect(page.locator("#message-b2")).toBeInViewport();
  expect(await requests(page, "revealMessage")).toEqual([{ type: "revealMessage", session: { gateway: "home", session: "s-lumen" }, message: "b2" }]);
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search sessions" }).fill("unpin");
  await page.keyboard.press("Enter");
  expect(await requests(page, "pinSession")).toEqual([{ type: "pinSession", session: { gateway: "home", session: "s-lumen" }, pinned: false }]);
});

test("rename, and delete only after saying what is lost", async ({ page }) => {
  await open(page, "browser");
  await page.keyboard.press("F2");
  await page.getByLabel("Session name").fill("Notes for 2.4");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Notes for 2.4" })).toBeVisible();
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await expect(page.getByRole("alertdialog")).toContainText("This deletes “Notes for 2.4” and all its messages");
  await accessible(page);
  await page.keyboard.press("Escape");
  expect(await requests(page, "deleteSession")).toHaveLength(0);
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  expect(await requests(page, "deleteSession")).toEqual([{ type: "deleteSession", session: { gateway: "home", session: "s-lumen" } }]);
});

test("a question about a session stays about it when another is shown before the answer", async ({ page }) => {
  await open(page, "browser");
  const elsewhere = (gateway: string) =>
    page.evaluate((id) => {
      const host = window.__FAKE__!;
      const { title, agent } = host.view.sessions.find((session) => session.key === "s-disk")!;
      host.patch(
        { type: "target", target: { gateway: id, session: "s-disk", title, agent, draft: "" } },
        { type: "transcript", transcript: { gateway: id, session: "s-disk", messages: [], hasOlder: false, loading: false } },
      );
    }, gateway);
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Reset…" }).click();
  await expect(page.getByRole("alertdialog")).toContainText("“Lumen release notes”");
  // As after a click on a notification.
  await elsewhere("ops-gw");
  await expect(page.getByRole("heading", { name: "Clean up the staging disk" })).toBeVisible();
  await expect(page.getByRole("alertdialog")).toContainText("“Lumen release notes”");
  await page.getByRole("alertdialog").getByRole("button", { name: "Reset" }).click();
  expect(await requests(page, "resetSession")).toEqual([{ type: "resetSession", session: { gateway: "home", session: "s-lumen" } }]);
  // A name that is being written is dropped: it was meant for the other one.
  await page.keyboard.press("F2");
  await expect(page.getByLabel("Session name")).toBeVisible();
  await elsewhere("home");
  await expect(page.getByLabel("Session name")).toHaveCount(0);
});

test("a reply is sent and streams in here too", async ({ page }) => {
  await open(page, "browser");
  await page.getByRole("textbox", { name: "Message" }).fill("Thank you");
  await page.keyboard.press("Enter");
  await expect(page.locator('.answer[aria-busy="false"]').last()).toContainText("That is all there is to it");
});

test("a hit among older messages is read, shown in its place, and the newest are a step away", async ({ page }) => {
  await open(page, "browser");
  await page.evaluate(() => {
    const fake = window.__FAKE__!;
    fake.older = Array.from({ length: 300 }, (_, index) => ({ ...fake.view.transcript.messages[0]!, id: `o${index}`, text: index === 40 ? "The needle lies here." : `Hay ${index}.` }));
  });
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search sessions" }).fill("needle");
  await expect(page.locator(".found mark")).toHaveText("needle");
  await page.keyboard.press("Enter");
  await expect(page.locator("#message-o40")).toBeInViewport();
  await expect(page.locator("#message-o40")).toHaveClass(/revealed/);
  await expect(page.locator("#message-b4")).toHaveCount(0);
  await page.getByRole("button", { name: "Jump to newest" }).click();
  await expect(page.locator("#message-b4")).toBeInViewport();
});

test("a long conversation is read by scrolling, a stretch at a time, and what is read stays put", async ({ page }) => {
  await open(page, "browser");
  await page.evaluate(() => {
    const fake = window.__FAKE__!;
    const lines = (index: number): string => Array.from({ length: 1 + (index % 4) }, (_, line) => `Line ${line} of ${index}.`).join("\n\n");
    fake.older = Array.from({ length: 600 }, (_, index) => ({ ...fake.view.transcript.messages[1]!, id: `o${index}`, tools: [], text: lines(index) }));
  });
  await page.getByRole("button", { name: "Earlier messages" }).click();
  await expect(page.locator("#message-o599")).toHaveCount(1);
  // Reads upwards to the beginning, and looks each time whether what is in sight moved while older messages came.
  const read = (up: boolean): Promise<{ most: number; jump: number; steps: number }> =>
    page.evaluate(async (up) => {
      const box = document.querySelector(".talk")!;
      const painted = (): Promise<void> => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))));
      let [most, jump, steps] = [0, 0, 0];
      for (let still = 0; still < 4 && steps < 2000; steps += 1) {
        const middle = box.getBoundingClientRect().top + box.clientHeight / 2;
        const seen = [...document.querySelectorAll<HTMLElement>(".talk-column > .answer")].find((line) => line.getBoundingClientRect().bottom > middle);
        const before = { top: seen?.getBoundingClientRect().top ?? 0, scroll: box.scrollTop };
        box.scrollBy(0, up ? -200 : 200);
        const moved = box.scrollTop - before.scroll;
        await painted();
        if (seen?.isConnected === true) jump = Math.max(jump, Math.abs(seen.getBoundingClientRect().top - before.top + moved));
        most = Math.max(most, document.querySelectorAll(".talk-column > .answer").length);
        still = moved === 0 ? still + 1 : 0;
      }
      return { most, jump, steps };
    }, up);
  const up = await read(true);
  await expect(page.locator("#message-o0")).toBeInViewport();
  expect(up.most, "messages in the page at once").toBeLessThanOrEqual(160);
  expect(up.jump, "pixels that the reader's line moved by itself").toBeLessThanOrEqual(2);
  await expect(page.locator("#message-b4")).toHaveCount(0);
  const down = await read(false);
  await expect(page.locator("#message-b4")).toBeInViewport();
  expect(down.most).toBeLessThanOrEqual(160);
  expect(down.jump).toBeLessThanOrEqual(2);
});

test("words are found in this session, the older ones too", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(page, "browser");
  await page.evaluate(() => {
    const fake = window.__FAKE__!;
    fake.older = Array.from({ length: 30 }, (_, index) => ({ ...fake.view.transcript.messages[0]!, id: `o${index}`, text: index === 3 ? "An old draft." : `Hay ${index}.`, atMs: Date.now() - 9e8 }));
  });
  await page.keyboard.press("Control+f");
  const field = page.getByRole("textbox", { name: "Find in this session" });
  await expect(field).toBeFocused();
  await field.fill("draft");
  await expect(page.locator(".find-bar")).toContainText("5 of 5");
  await page.keyboard.press("Enter");
  await expect(page.locator(".find-bar")).toContainText("4 of 5");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.press("Shift+Enter");
  await expect(page.locator(".find-bar")).toContainText("1 of 5");
  await expect(page.locator("#message-o3")).toBeInViewport();
  expect(await page.evaluate(() => CSS.highlights.get("found")?.size ?? 0)).toBeGreaterThan(0);
  await accessible(page);
  await page.keyboard.press("Escape");
  await expect(page.locator(".find-bar")).toHaveCount(0);
  expect(await page.evaluate(() => CSS.highlights.has("found"))).toBe(false);
  await page.getByRole("button", { name: "Jump to newest" }).click();
  await page.getByRole("button", { name: "Copy link" }).last().click();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe("clawtray://session/s-lumen?gateway=home&message=b4");
});

test("words that come while one looks for them are counted and marked", async ({ page }) => {
  await open(page, "browser");
  await page.keyboard.press("Control+f");
  await page.getByRole("textbox", { name: "Find in this session" }).fill("zebra");
  await expect(page.locator(".find-bar")).toContainText("Not found");
  const patch = (...changes: Change[]): Promise<void> => page.evaluate((changes) => window.__FAKE__!.patch(...changes), changes);
  const marked = (): Promise<string[]> =>
    page.evaluate(() => [...((CSS.highlights.get("found") ?? []) as Iterable<Range>)].map((range) => range.toString()));
  const answer: MessageView = { id: "live", role: "assistant", state: "streaming", text: "", thinking: "", tools: [], attachments: [], atMs: Date.now() };
  await patch({ type: "message", message: answer });
  await patch({ type: "appendText", id: "live", text: "A zebra grazes.\n\nAnother **Ze" });
  await expect.poll(marked).toEqual(["zebra"]);
  await patch({ type: "appendText", id: "live", text: "bra** joins it." });
  await expect.poll(marked).toEqual(["zebra", "Zebra"]);
  await patch({ type: "message", message: { ...answer, state: "done", text: "A zebra grazes.\n\nAnother **Zebra** joins it. `zebra` is code.", atMs: Date.now() } });
  await expect.poll(marked).toEqual(["zebra", "Zebra", "zebra"]);
  await expect(page.locator(".find-bar")).toContainText("of 1");
  await patch({ type: "removeMessage", id: "live" });
  await expect.poll(marked).toEqual([]);
  await expect(page.locator(".find-bar")).toContainText("Not found");
});

test("the search keeps to an agent, a session and a time", async ({ page }) => {
  await open(page, "browser");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search sessions" }).fill("draft");
  await expect(page.locator(".found mark").first()).toBeVisible();
  await page.getByLabel("When").selectOption("1");
  await expect(page.locator(".found", { hasText: "It still lacks" })).toHaveCount(0);
  await page.getByRole("combobox", { name: "Search in" }).selectOption("here");
  await page.getByRole("combobox", { name: "Agent" }).selectOption("main");
  await expect.poll(async () => (await requests(page, "search")).at(-1)).toMatchObject({ query: "draft", agent: "main", session: "s-lumen" });
  await accessible(page);
});

test("the list is filtered by letters, agent, channel and archive, and grouped and sorted", async ({ page }) => {
  await open(page, "browser");
  await page.getByLabel("Filter sessions").fill("scr");
  await expect(page.locator(".session")).toHaveCount(2);
  await page.keyboard.press("Escape");
  await expect(page.locator(".session")).toHaveCount(6);
  await page.getByRole("button", { name: "Filter, sort and group" }).click();
  await accessible(page);
  await page.locator(".list-options select").nth(1).selectOption("telegram");
  await expect(page.locator(".session")).toHaveCount(1);
  await page.getByRole("button", { name: "Show all sessions" }).click();
  await page.locator(".list-options select").nth(3).selectOption("agent");
  await expect(page.locator(".session-head")).toHaveText(["Pinned", "House", "Main", "Ops", "Scribe"]);
  await page.locator(".list-options select").nth(2).selectOption("title");
  await page.getByLabel("Archived").check();
  await expect(page.locator(".sessions")).toContainText("No archived sessions.");
});

test("panels: usage, jobs, status, agents and log, by keyboard; a refusal says why", async ({ page }) => {
  await open(page, "browser");
  await page.getByRole("tab", { name: "Details" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("tabpanel")).toContainText("$28.40");
  const chart = page.getByRole("slider", { name: "Usage by day" });
  await chart.focus();
  await page.keyboard.press("ArrowLeft");
  await expect(chart).toHaveAttribute("aria-valuetext", /\$0\.60/);
  await expect(page.locator(".share").first()).toContainText("Lumen release notes");
  await page.getByRole("button", { name: "Tokens" }).click();
  await expect(page.locator(".big")).toContainText("4M tokens");

  await page.getByRole("tab", { name: "Scheduled" }).click();
  await expect(page.locator(".item")).toHaveCount(3);
  await expect(page.locator(".item").first()).toContainText("Every 6 hours");
  await expect(page.locator(".item").first()).toContainText("staging-2 did not answer");
  await page.getByRole("button", { name: "Run Check the backups now" }).click();
  await expect(page.locator(".item").first()).not.toContainText("staging-2 did not answer");
  await page.getByRole("switch", { name: "Check the backups is on" }).click();
  await expect(page.getByRole("switch", { name: "Check the backups is on" })).toHaveAttribute("aria-checked", "false");
  await page.getByRole("button", { name: "Add job" }).click();
  await page.getByLabel("Name").fill("Water the plants");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toContainText("Enter a name and a message");
  await page.getByLabel("Message to the agent").fill("Remind me of the plants.");
  await page.getByRole("textbox", { name: "At", exact: true }).fill("07:30");
  await accessible(page);
  await page.getByRole("button", { name: "Add job" }).click();
  await expect(page.locator(".item", { hasText: "Water the plants" })).toContainText("Daily at 07:30");
  await page.getByRole("button", { name: "Delete Water the plants" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.locator(".item", { hasText: "Water the plants" })).toHaveCount(0);
  expect(await requests(page, "runJob")).toEqual([{ type: "runJob", gateway: "home", id: "j2" }]);
  expect(await requests(page, "updateJob")).toEqual([{ type: "updateJob", gateway: "home", id: "j2", enabled: false }]);
  expect(await requests(page, "addJob")).toMatchObject([
    { gateway: "home", job: { name: "Water the plants", prompt: "Remind me of the plants.", schedule: { kind: "cron", expr: "30 7 * * *" } } },
  ]);
  expect(await requests(page, "removeJob")).toEqual([{ type: "removeJob", gateway: "home", id: "j4" }]);
  await page.evaluate(() => (window.__FAKE__!.facts.forbidden = ["cron.run"]));
  await page.getByRole("button", { name: "Run Morning digest now" }).click();
  await expect(page.locator(".why")).toContainText("Home does not allow this device to do that.");
  await page.getByRole("button", { name: "Allow full control" }).click();
  expect(await requests(page, "setFullControl")).toEqual([{ type: "setFullControl", id: "home", on: true }]);
  await expect(page.locator(".why")).toHaveCount(0);

  await page.getByRole("tab", { name: "Status" }).click();
  await expect(page.locator(".standing-line", { hasText: "WhatsApp" })).toContainText("The phone was not seen for 14 days.");
  await expect(page.locator(".standing-line", { hasText: "Studio Mac" })).toContainText("connected");

  await page.getByRole("tab", { name: "Agents" }).click();
  await page.getByRole("button", { name: "Tools of Ops" }).click();
  await expect(page.locator(".tool-group").first()).toContainText("read");

  await page.getByRole("tab", { name: "Gateway log" }).click();
  await expect(page.getByRole("log", { name: "Gateway log" })).toContainText("listening on");
  await page.getByRole("button", { name: "Problems" }).click();
  await expect(page.getByRole("log", { name: "Gateway log" })).not.toContainText("listening on");
  await page.getByLabel("Filter the log").fill("whatsapp");
  await expect(page.locator(".log p")).toHaveCount(1);
});

test("offline, and where the gateway cannot tell, the panels say so", async ({ page }) => {
  await open(page, "browser");
  await page.evaluate(() => (window.__FAKE__!.facts.forbidden = ["usage.cost", "sessions.usage"]));
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search sessions" }).fill("show: usage");
  await page.keyboard.press("Enter");
  await expect(page.locator(".why")).toContainText("Home does not allow this device");
  await expect(page.locator(".share").first()).toContainText("Newsletter numbers");
});

test("approvals wait in the inbox and are decided there", async ({ page }) => {
  await open(page, "approval");
  await expect(page.locator(".conversation .needs-you")).toBeVisible();
  await page.getByRole("tab", { name: "Needs you, 1" }).click();
  await expect(page.locator(".conversation .needs-you")).toHaveCount(0);
  await page.getByRole("tabpanel").getByRole("button", { name: /Approve once/ }).click();
  expect(await requests(page, "resolveApproval")).toEqual([{ type: "resolveApproval", gateway: "home", id: "ap1", decision: "allow-once" }]);
  await expect(page.getByRole("tabpanel")).toContainText("Nothing needs you.");
});

test("another gateway is chosen by keyboard; the list is a sheet where the window is narrow", async ({ page }) => {
  await open(page, "browser");
  await page.keyboard.press("Control+g");
  await expect(page.getByRole("menuitemradio", { name: /Home/ })).toBeFocused();
  await accessible(page);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  expect(await requests(page, "useGateway")).toEqual([{ type: "useGateway", id: "ops-gw" }]);
  await expect(page.locator(".gateway")).toContainText("Ops");
  await page.setViewportSize({ width: 640, height: 720 });
  await page.keyboard.press("Control+i");
  await expect(page.locator("#session-list")).toBeHidden();
  await page.getByRole("button", { name: "Sessions", exact: true }).click();
  await expect(page.locator("#session-list")).toBeVisible();
  await accessible(page);
  await page.locator(".session", { hasText: "Trip to Lisbon" }).click();
  await expect(page.locator("#session-list")).toBeHidden();
  await expect(page.getByRole("heading", { name: "Trip to Lisbon in March" })).toBeVisible();
});

test("a picture of the transcript comes from the gateway when one asks for it", async ({ page }) => {
  await open(page, "browser");
  await page.getByRole("button", { name: "Show sunset.png" }).click();
  await expect(page.getByRole("img", { name: "sunset.png" })).toBeVisible();
  const session = { gateway: "home", session: "s-lumen" };
  expect(await requests(page, "listArtifacts")).toEqual([{ type: "listArtifacts", session }]);
  expect(await requests(page, "downloadArtifact")).toEqual([{ type: "downloadArtifact", session, artifact: "art-1" }]);
});
