import { expect } from "@playwright/test";
import type { Change } from "../src/api/Change";
import type { MessageView } from "../src/api/MessageView";
import { accessible, open, shoot, test } from "./page";

const REPLY = `The week:
Mon: rain
Tue: sun

**注意：**请先备份。テスト**「強調」**です。

The energy is \\(E = mc^2\\), it costs $5 and $6, and:

$$
\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}
$$

שלום, הפעילו \`cargo run\` עכשיו.

- פריט ראשון עם \`a.rs\`
- פריט שני

The report is [here](/srv/report.md).
`;

for (const theme of ["light", "dark"]) {
  test(`words of every kind are drawn as they were meant, ${theme}`, async ({ page }) => {
    await open(page, "new", `&theme=${theme}`);
    const message = (id: string, role: "user" | "assistant", text: string): MessageView => ({ id, role, state: "done", text, thinking: "", tools: [], attachments: [], atMs: Date.now() });
    const patch = (...changes: Change[]): Promise<void> => page.evaluate((changes) => window.__FAKE__!.patch(...changes), changes);
    const loaded: string[] = [];
    page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
    await patch({ type: "message", message: message("q", "user", "مرحبا، ما الجديد؟") }, { type: "message", message: message("a", "assistant", "Plain words.") });
    await expect(page.locator(".markdown", { hasText: "Plain words." })).toBeVisible();
    // The drawer of formulas comes with the first one.
    expect(loaded.filter((path) => path.includes("/math-"))).toEqual([]);
    await patch({ type: "message", message: message("b", "assistant", REPLY) });
    await expect(page.locator(".markdown math")).toHaveCount(2);
    expect(loaded.some((path) => path.includes("/math-"))).toBe(true);
    const reply = page.locator(".markdown").last();
    await expect(reply.locator("strong")).toHaveText(["注意：", "「強調」"]);
    // Looked at until they hold: a message may be drawn once more while it is looked at.
    const rows = () => reply.locator("p").first().evaluate((first) => first.getBoundingClientRect().height / parseFloat(getComputedStyle(first).lineHeight));
    await expect.poll(rows).toBe(3);
    // A formula is drawn taller than a line of text, by the engine and not as words.
    await expect.poll(async () => (await reply.locator("math").last().boundingBox())?.height ?? 0).toBeGreaterThan(24);
    await expect(reply.locator("li").first()).toHaveCSS("direction", "rtl");
    await expect(page.locator(".said-text").last()).toHaveCSS("direction", "rtl");
    await reply.getByRole("button", { name: "Copy path" }).click();
    await accessible(page);
    await page.locator(".talk").evaluate((talk) => talk.scrollTo(0, talk.scrollHeight));
    await shoot(page, `words-${theme}`);
  });
}
