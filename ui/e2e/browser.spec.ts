import { expect, type Page } from "@playwright/test";
import { accessible, requests, test } from "./page";

test.use({ viewport: { width: 1120, height: 720 } });

async function open(page: Page, scenario: string, more = ""): Promise<void> {
  await page.goto(`/browser.html?fake=${scenario}${more}`);
  await page.locator(".session").first().waitFor();
}

for (const theme of ["light", "dark"]) {
  test(`the window, ${theme}`, async ({ page }) => {
    await open(page, "browser", `&theme=${theme}`);
    await expect(page.getByRole("heading", { name: "Lumen release notes" })).toBeVisible();
    await expect(page.getByRole("separator")).toContainText("Today");
    await page.getByRole("button", { name: /Read RELEASE-2\.4\.md/ }).click();
    await accessible(page);
    await page.screenshot({ path: `e2e/shots/browser-${theme}.png` });
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("arm64");
    await expect(page.locator(".found mark").first()).toHaveText("arm64");
    await accessible(page);
    await page.screenshot({ path: `e2e/shots/browser-find-${theme}.png` });
  });
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
  await expect(page.locator(".sessions")).toContainText("Nothing is unread.");
  expect(await requests(page, "markRead")).toEqual([{ type: "markRead", session: "s-lights" }]);
});

test("a hit opens its message in place; actions are found by name", async ({ page }) => {
  await open(page, "browser");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("not merged");
  await expect(page.locator(".found mark")).toHaveText("not merged");
  await page.keyboard.press("Enter");
  await expect(page.locator("#message-b2")).toBeInViewport();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("unpin");
  await page.keyboard.press("Enter");
  expect(await requests(page, "pinSession")).toEqual([{ type: "pinSession", session: "s-lumen", pinned: false }]);
});

test("rename, and delete only after saying what is lost", async ({ page }) => {
  await open(page, "browser");
  await page.keyboard.press("F2");
  await page.getByLabel("Session name").fill("Notes for 2.4");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Notes for 2.4" })).toBeVisible();
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await expect(page.getByRole("alertdialog")).toContainText("“Notes for 2.4” and all its messages are gone");
  await accessible(page);
  await page.keyboard.press("Escape");
  expect(await requests(page, "deleteSession")).toHaveLength(0);
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  expect(await requests(page, "deleteSession")).toEqual([{ type: "deleteSession", session: "s-lumen" }]);
});

test("a reply is sent and streams in here too", async ({ page }) => {
  await open(page, "browser");
  await page.getByRole("textbox", { name: "Message" }).fill("Thank you");
  await page.keyboard.press("Enter");
  await expect(page.locator('.answer[aria-busy="false"]').last()).toContainText("That is all there is to it");
});
