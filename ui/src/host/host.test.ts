import { afterEach, expect, test, vi } from "vitest";
import { findHost } from ".";

afterEach(() => vi.unstubAllGlobals());

test("outside of the app a page opens no connection to look for one", async () => {
  const opened = vi.fn();
  vi.stubGlobal("WebSocket", opened);
  await expect(findHost()).rejects.toThrow("a window of the app");
  expect(opened).not.toHaveBeenCalled();
});
