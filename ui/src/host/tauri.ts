import { Channel, invoke } from "@tauri-apps/api/core";
import type { Request } from "../api/Request";
import type { Update } from "../api/Update";
import { type Captured, type CaptureKind, type Host, type Surroundings, guessPlatform, type WindowName } from "./host";

declare global {
  interface Window {
    /** Set by the app before the page loads. */
    __CLAWTRAY__?: Partial<Surroundings>;
  }
}

/** True inside a window of the app. */
export function isTauri(): boolean {
  return "__TAURI_INTERNALS__" in window;
}

/** The app itself: the commands `request`, `subscribe` and `capture`; the window's label is known to the app. */
export function tauriHost(): Host {
  const platform = window.__CLAWTRAY__?.platform ?? guessPlatform();
  return {
    surroundings: {
      platform,
      compositor: window.__CLAWTRAY__?.compositor ?? platform !== "linux",
      framed: true,
      captures: window.__CLAWTRAY__?.captures ?? [],
      fonts: window.__CLAWTRAY__?.fonts ?? null,
      language: window.__CLAWTRAY__?.language ?? null,
    },
    capture: (kind: CaptureKind) => invoke<Captured | null>("capture", { kind, language: document.documentElement.lang }),
    request: (request: Request) => invoke("request", { request }),
    subscribe(_window: WindowName, onUpdate: (update: Update) => void) {
      let live = true;
      const channel = new Channel<Update>();
      channel.onmessage = (update) => {
        if (live) onUpdate(update);
      };
      invoke("subscribe", { channel }).catch((error: unknown) => {
        // Without a subscription there is nothing to show; the reason goes where a developer looks.
        console.error("subscribe failed", error);
      });
      return () => {
        live = false;
      };
    },
  };
}
