import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test as base } from "@playwright/test";
import type { Request } from "../src/api/Request";

/** Opens the popup on the in-memory host. Errors of the page fail the test. */
export async function open(page: Page, scenario: string, more = ""): Promise<void> {
  await page.goto(`/popup.html?fake=${scenario}${more}`);
  await page.locator(".foot").waitFor();
  await page.waitForFunction(() => window.__FAKE__ !== undefined);
}

export const test = base.extend<{ watch: void }>({
  watch: [
    async ({ page }, use) => {
      const errors: string[] = [];
      const leaks: string[] = [];
      page.on("pageerror", (error) => errors.push(String(error)));
      page.on("console", (message) => {
        if (message.type() === "error") errors.push(message.text());
      });
      page.on("request", (request) => {
        if (!/^(?:http:\/\/127\.0\.0\.1:|blob:|data:)/.test(request.url())) leaks.push(request.url());
      });
      await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
      await use();
      expect(errors).toEqual([]);
      expect(leaks).toEqual([]);
    },
    { auto: true },
  ],
});

export const prompt = (page: Page) => page.getByRole("textbox", { name: "Message" });

export async function requests(page: Page, type: Request["type"]): Promise<Request[]> {
  return page.evaluate((wanted) => window.__FAKE__!.requests.filter((request) => request.type === wanted), type);
}

/** Nothing serious for people who use the popup without eyes, mouse or colours. */
export async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const bad = violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
  expect(bad).toEqual([]);
}

const DESK = `
  html[data-framed] body { background: radial-gradient(60% 70% at 18% 10%, #ffd9c7 0, transparent 70%), radial-gradient(55% 65% at 88% 22%, #cfdcf3 0, transparent 70%), radial-gradient(70% 70% at 60% 105%, #e4d8ee 0, transparent 70%), #efe8e3 !important; }
  html[data-theme="dark"][data-framed] body { background: radial-gradient(60% 70% at 18% 10%, #4a2419 0, transparent 70%), radial-gradient(55% 65% at 88% 22%, #1d2d4a 0, transparent 70%), radial-gradient(70% 70% at 60% 105%, #32223f 0, transparent 70%), #131110 !important; }
`;

export async function shoot(page: Page, name: string): Promise<void> {
  await page.addStyleTag({ content: DESK });
  const box = await page.locator(".popup").boundingBox();
  const height = Math.min(680, Math.ceil((box?.height ?? 600) + 120));
  await page.screenshot({ path: `../target/ui-shots/popup-${name}.png`, clip: { x: 0, y: 0, width: 740, height }, caret: "initial" });
}
