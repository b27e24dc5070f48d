import type { Host } from "./host";
import { isTauri, tauriHost } from "./tauri";

export { asUiError, type Captured, type CaptureKind, type Host, type WindowName } from "./host";

/**
 * The host this page runs in: the app. Builds for tests have two more: the in-memory one (`?fake=<scenario>`), and a bridge
 * to the app for a plain browser. What ships opens no connection of its own.
 */
export async function findHost(): Promise<Host> {
  if (isTauri()) return tauriHost();
  if (__FAKE_HOST__) {
    const scenario = new URLSearchParams(location.search).get("fake");
    if (scenario !== null) return (await import("./fake")).fakeHost(scenario);
  }
  if (__SOCKET_HOST__) return (await import("./socket")).socketHost();
  throw new Error("this page belongs into a window of the app");
}
