import { expect } from "@playwright/test";
import { accessible, open, prompt, shoot, test } from "./page";

const STATES: Record<string, string> = {
  empty: "Lumen release notes",
  new: "connected",
  compose: "connected",
  streaming: "the build passes in",
  tool: "Ran 1 command",
  done: "1,284 of 2,960",
  code: "Reset only after the handshake",
  approval: "Ops wants to run a command",
  question: "Where should the notes go first?",
  offline: "Home is not reachable.",
  failed: "Home did not take the message.",
  pairing: "Approve this device once",
  keychain: "The keychain is locked",
  "keychain-silent": "The keychain cannot be read",
  "sign-in": "Sign in again",
  "rate-limited": "asks this device to wait",
  protocol: "openclaw update",
  certificate: "Trust this certificate?",
  "first-run": "Found on this computer",
  "first-run-nothing": "Built-in gateway",
  notice: "Another program uses",
};

for (const [state, words] of Object.entries(STATES)) {
  for (const theme of ["light", "dark"]) {
    test(`${state}, ${theme}: says where it stands, and to everyone`, async ({ page }) => {
      await open(page, state, `&theme=${theme}`);
      const popup = page.getByRole("dialog", { name: "Clawtray quick chat" });
      await expect(popup).toContainText(words);
      if (state === "code") await expect(page.locator(".code .hljs-keyword").first()).toBeVisible();
      if (state === "compose") {
        await prompt(page).fill("Why does the release build fail on arm64 only? The log and what I see in the terminal are attached.");
        await page.locator('input[type="file"]').setInputFiles([
          { name: "Screenshot.png", mimeType: "image/png", buffer: Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64") },
          { name: "build.log", mimeType: "text/plain", buffer: Buffer.alloc(18_200, "x") },
        ]);
        await expect(page.getByText("build.log")).toBeVisible();
      }
      await accessible(page);
      await shoot(page, `${state}-${theme}`);
    });
  }
}

test("the command list", async ({ page }) => {
  for (const theme of ["light", "dark"]) {
    await open(page, "compose", `&theme=${theme}`);
    await prompt(page).fill("/co");
    await expect(page.getByRole("option")).toHaveCount(3);
    await accessible(page);
    await shoot(page, `commands-${theme}`);
  }
});

test("the pickers", async ({ page }) => {
  await open(page, "done");
  for (const [name, key] of [["sessions", "k"], ["models", "m"], ["gateways", "g"]] as const) {
    await page.keyboard.press(`Control+${key}`);
    await expect(page.getByRole("option").first()).toBeVisible();
    await accessible(page);
    await shoot(page, `picker-${name}-light`);
    await page.keyboard.press("Escape");
    await expect(page.getByRole("option")).toHaveCount(0);
    await expect(prompt(page)).toBeFocused();
  }
});

for (const language of ["de", "es", "zh-CN", "ja"]) {
  test(`in ${language} nothing is cut off and nothing stays English`, async ({ page }) => {
    await page.goto("/popup.html?fake=approval");
    await page.waitForFunction(() => window.__FAKE__ !== undefined);
    await page.evaluate((tag) => window.__FAKE__!.request({ type: "changeSettings", patch: { language: tag } }), language);
    await expect(page.locator("html")).toHaveAttribute("lang", language);
    await expect(page.locator(".popup")).not.toContainText("Approve once");
    const popup = page.locator(".popup");
    expect(await popup.evaluate((box) => box.scrollWidth <= box.clientWidth)).toBe(true);
    await accessible(page);
    await shoot(page, `approval-${language}`);
  });
}

test("with text at 200 % everything stays reachable", async ({ page }) => {
  for (const state of ["empty", "streaming", "approval", "pairing", "first-run"]) {
    // What browsers do when a page is magnified: half the room, twice the size.
    await page.setViewportSize({ width: 370, height: 560 });
    await open(page, state);
    const popup = page.locator(".popup");
    expect(await popup.evaluate((box) => box.scrollWidth <= box.clientWidth), state).toBe(true);
    for (const button of await page.locator(".popup button:visible").all()) {
      const box = await button.boundingBox();
      const inside = await button.evaluate((node) => {
        node.scrollIntoView({ block: "center" });
        const { left, right } = node.getBoundingClientRect();
        return left >= -1 && right <= innerWidth + 1;
      });
      expect(box && inside, `${state}: ${await button.textContent()}`).toBe(true);
    }
    await page.screenshot({ path: `../target/ui-shots/large-${state}.png` });
  }
});

test("with reduced motion nothing moves", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await open(page, "streaming");
  const moving = await page.evaluate(() => document.getAnimations().length);
  expect(moving).toBe(0);
});

test("the theme follows the system, and the setting overrules it", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await open(page, "empty");
  const surface = () => page.locator(".popup").evaluate((box) => getComputedStyle(box).backgroundColor);
  expect(await surface()).toBe("rgb(29, 26, 25)");
  await page.evaluate(() => window.__FAKE__!.request({ type: "changeSettings", patch: { theme: "light" } }));
  await expect.poll(surface).toBe("rgb(255, 255, 255)");
});
