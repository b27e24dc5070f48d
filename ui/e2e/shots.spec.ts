import { expect, type Page } from "@playwright/test";
import { accessible, test } from "./page";

/** Pictures to look at, in `target/ui-shots`. In the dark each is checked for contrast and roles as well. */
const FOLDER = "../target/ui-shots";

test.use({ viewport: { width: 1240, height: 760 } });

async function open(page: Page, scenario: string, theme: string): Promise<void> {
  await page.goto(`/browser.html?fake=${scenario}&theme=${theme}`);
  await page.locator(".session").first().waitFor();
}

for (const theme of ["light", "dark"]) {
  test(`the browser window, ${theme}`, async ({ page }) => {
    // Many pictures in one page: cheaper than a page each, and longer than a test usually takes.
    test.slow();
    const shoot = (name: string) => page.screenshot({ path: `${FOLDER}/browser-${name}-${theme}.png`, scale: "css" });
    // In the light every part is checked where it is used.
    const check = async (): Promise<void> => (theme === "dark" ? accessible(page) : undefined);
    await open(page, "browser", theme);
    await expect(page.getByRole("heading", { name: "Lumen release notes" })).toBeVisible();
    await expect(page.getByRole("separator")).toContainText("Today");
    await shoot("list");
    await page.getByRole("button", { name: /Read RELEASE-2\.4\.md/ }).click();
    await page.getByRole("button", { name: /^exec git log/ }).click();
    await shoot("tools");
    for (const [tab, sign] of [["Usage", ".chart"], ["Scheduled", ".item"], ["Status", ".standing-line"], ["Agents", ".item"], ["Gateway log", ".log p"]] as const) {
      await page.getByRole("tab", { name: tab }).click();
      await page.locator(`.panel ${sign}`).first().waitFor();
      if (tab === "Scheduled") await check();
      await shoot(tab.toLowerCase().replace(" ", "-"));
    }
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Search sessions" }).fill("arm64");
    await expect(page.locator(".found mark").first()).toHaveText("arm64");
    await check();
    await shoot("search");
  });
}
