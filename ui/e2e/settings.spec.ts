import { expect } from "@playwright/test";
import { accessible, requests, test } from "./page";

test.use({ viewport: { width: 860, height: 620 } });

const PAGES = ["Gateways", "Shortcuts", "Notifications", "Appearance", "Privacy", "About"];

for (const theme of ["light", "dark"]) {
  test(`every page, ${theme}`, async ({ page }) => {
    await page.goto(`/settings.html?fake=first-run&theme=${theme}`);
    await page.goto(`/settings.html?fake=offline&theme=${theme}`);
    for (const name of PAGES) {
      await page.getByRole("navigation").getByRole("button", { name }).click();
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await accessible(page);
      await page.screenshot({ path: `../target/ui-shots/settings-${name.toLowerCase()}-${theme}.png` });
    }
  });
}

test("a hotkey is recorded as it is pressed; Esc leaves it, a bare letter is not taken", async ({ page }) => {
  await page.goto("/settings.html?fake=empty");
  await page.getByRole("button", { name: "Shortcuts" }).click();
  await page.getByRole("button", { name: "Open quick chat: Ctrl Shift Space" }).click();
  await page.keyboard.press("k");
  await page.keyboard.press("Escape");
  expect(await requests(page, "changeSettings")).toHaveLength(0);
  await page.getByRole("button", { name: "Open quick chat: Ctrl Shift Space" }).click();
  await page.keyboard.press("Control+Alt+K");
  expect(await requests(page, "changeSettings")).toEqual([{ type: "changeSettings", patch: { hotkey: "Ctrl+Alt+K" } }]);
  await expect(page.getByRole("button", { name: "Open quick chat: Ctrl Alt K" })).toBeVisible();
});

test("changes apply at once", async ({ page }) => {
  await page.goto("/settings.html?fake=empty");
  await page.getByRole("button", { name: "Appearance" }).click();
  await page.getByRole("radio", { name: "Dark" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.getByLabel("Language").selectOption("de");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Darstellung");
  await page.getByRole("button", { name: "Benachrichtigungen" }).click();
  await page.getByRole("switch", { name: "Ruhezeiten" }).click();
  const patches = await requests(page, "changeSettings");
  expect(patches.at(-1)).toMatchObject({ patch: { notifications: { quietFrom: "22:00", quietTo: "07:00", replies: true } } });
});

test("what is spoken with a gateway is chosen, and one without a socket tells by webhook", async ({ page }) => {
  await page.goto("/settings.html?fake=empty");
  await page.getByLabel("Protocol of Home").selectOption("messages-v1");
  expect(await requests(page, "setGatewayDialect")).toEqual([{ type: "setGatewayDialect", id: "home", dialect: "messages-v1" }]);
  await page.getByRole("button", { name: "Receive" }).click();
  await page.getByLabel("Port").fill("9090");
  await page.getByLabel("Shared secret").fill("canary-secret");
  await accessible(page);
  await page.keyboard.press("Enter");
  expect(await requests(page, "setGatewayWebhook")).toEqual([{ type: "setGatewayWebhook", id: "home", port: 9090, secret: "canary-secret" }]);
  await expect(page.getByText("Receiving at http://127.0.0.1:9090")).toBeVisible();
  expect(await page.content()).not.toContain("canary-secret");
  await page.getByRole("button", { name: "Stop" }).click();
  expect((await requests(page, "setGatewayWebhook")).at(-1)).toEqual({ type: "setGatewayWebhook", id: "home" });
  await expect(page.getByRole("button", { name: "Receive" })).toBeVisible();
});

test("scripts get the HTTP APIs by a switch, where they say so, and with a key", async ({ page }) => {
  await page.goto("/settings.html?fake=empty");
  const bridge = page.getByRole("switch", { name: "HTTP APIs on this computer" });
  await expect(bridge).not.toBeChecked();
  await bridge.click();
  await expect(page.getByText("Available at http://127.0.0.1:18790")).toBeVisible();
  await expect(page.getByText("clawctl api-key create --label my-scripts")).toBeVisible();
  const port = page.getByRole("spinbutton", { name: "HTTP API port" });
  await port.fill("8080");
  await page.getByRole("button", { name: "Use this port" }).click();
  await expect(page.getByText("Not available: cannot listen on 127.0.0.1:8080")).toBeVisible();
  await port.fill("8081");
  await port.press("Enter");
  await expect(page.getByText("Available at http://127.0.0.1:8081")).toBeVisible();
  await accessible(page);
  expect((await requests(page, "changeSettings")).map((request) => (request as { patch?: unknown }).patch)).toEqual([{ bridge: true }, { bridgePort: 8080 }, { bridgePort: 8081 }]);
  await bridge.click();
  await expect(port).toBeHidden();
});

test("a report is read before it is saved", async ({ page }) => {
  await page.goto("/settings.html?fake=empty");
  await page.getByRole("navigation").getByRole("button", { name: "About" }).click();
  await expect(page.getByRole("button", { name: "Save" })).toBeHidden();
  await page.getByRole("button", { name: "Show" }).click();
  await expect(page.getByRole("region", { name: "Diagnostic report" })).toContainText("native, on this computer, active: ready");
  await accessible(page);
  await page.screenshot({ path: "../target/ui-shots/settings-report.png" });
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved to /home/me/.local/share/clawtray/clawtray-report.txt")).toBeVisible();
});

test("a gateway goes only after saying what is lost", async ({ page }) => {
  await page.goto("/settings.html?fake=offline");
  await page.getByRole("button", { name: "Remove… Ops" }).click();
  await expect(page.getByRole("alertdialog")).toContainText("The gateway itself does not change.");
  await page.keyboard.press("Escape");
  expect(await requests(page, "removeGateway")).toHaveLength(0);
  await page.getByRole("button", { name: "Remove… Ops" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
  expect(await requests(page, "removeGateway")).toEqual([{ type: "removeGateway", id: "ops-gw" }]);
});

test("a local copy is cleared only after saying what is lost", async ({ page }) => {
  await page.goto("/settings.html?fake=offline");
  await page.getByRole("button", { name: "Privacy" }).click();
  await page.getByRole("button", { name: "Clear the local copy of Ops" }).click();
  await expect(page.getByRole("alertdialog")).toContainText("Drafts and waiting messages stay.");
  await page.keyboard.press("Escape");
  expect(await requests(page, "clearCache")).toHaveLength(0);
  await page.getByRole("button", { name: "Clear the local copy of Ops" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Clear" }).click();
  expect(await requests(page, "clearCache")).toEqual([{ type: "clearCache", id: "ops-gw" }]);
});
