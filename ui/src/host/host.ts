import type { Request } from "../api/Request";
import type { UiError } from "../api/UiError";
import type { Update } from "../api/Update";

/** The windows of the app. Their names are the labels the host knows them by. */
export type WindowName = "popup" | "browser" | "settings";

/** What a desktop can give besides files. */
export type CaptureKind = "clipboard" | "selection" | "screenshot";

/** What it gave: a picture or text. */
export interface Captured {
  mimeType: string;
  /** Base64. */
  content: string;
}

/** What the place the page runs in can do, as far as the page has to know. */
export interface Surroundings {
  /** The window's corners may be transparent, so that the popup may be round and cast a shadow. */
  compositor: boolean;
  platform: "linux" | "macos" | "windows";
  /** The page is a window of the app (not a browser tab or a test page). */
  framed: boolean;
  /** What can be attached besides files. */
  captures: readonly CaptureKind[];
  /** Families by their own names, where an engine takes long to find what the usual names stand for. */
  fonts?: { ui: string | null; mono: string | null } | null;
  /** What the system speaks, as the app knows it: a tag. Where it is known it alone counts, so that windows and tray speak alike. */
  language?: string | null;
}

/**
 * The only way out of a window. Everything above this folder runs in a plain browser.
 *
 * A subscription brings one snapshot and then patches with rising revisions; subscribing again brings a new snapshot.
 */
export interface Host {
  /** Rejects with a `UiError`. */
  request(request: Request): Promise<unknown>;
  /** Looks at the clipboard, the selected text or the screen, once, because the person asked. `null`: nothing is there. */
  capture(kind: CaptureKind): Promise<Captured | null>;
  subscribe(window: WindowName, onUpdate: (update: Update) => void): () => void;
  readonly surroundings: Surroundings;
}

/** Whatever a host throws, as what the windows can show. */
export function asUiError(error: unknown): UiError {
  if (typeof error === "object" && error !== null && "code" in error && "message" in error) {
    return error as UiError;
  }
  return { code: "internal", message: error instanceof Error ? error.message : String(error) };
}

/** The platform, guessed from the browser; the app tells it for sure where it matters. */
export function guessPlatform(): Surroundings["platform"] {
  const agent = navigator.userAgent;
  if (/Mac OS X/.test(agent)) return "macos";
  if (/Windows/.test(agent)) return "windows";
  return "linux";
}
