import type { Host } from "./host";
import { isTauri, tauriHost } from "./tauri";

export { asUiError, type Captured, type CaptureKind, type Host, type WindowName } from "./host";

/** The host this page runs in: the app, the in-memory one (test builds, `?fake=<scenario>`), or a bridge in a plain browser. */
export async function findHost(): Promise<Host> {
  if (isTauri()) return tauriHost();
  if (__FAKE_HOST__) {
    const scenario = new URLSearchParams(location.search).get("fake");
    if (scenario !== null) return (await import("./fake")).fakeHost(scenario);
  }
  return (await import("./socket")).socketHost();
}
