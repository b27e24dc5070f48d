import { signal } from "@preact/signals";
import type { Transcript } from "../../components/Transcript";

/** The part of the popup that shows a conversation, once it is there. Half of the window's code is in it, and most windows open without one. */
export const transcript = signal<typeof Transcript>();

let fetched: Promise<void> | undefined;

/** Fetches it, once. */
export function fetchTranscript(): Promise<void> {
  fetched ??= import("../../components/Transcript").then((part) => {
    transcript.value = part.Transcript;
  });
  return fetched;
}

/** Fetches it when the window has drawn what it starts with, and makes it ready for the first reply. */
export function fetchLater(): void {
  const fetch = async (): Promise<void> => {
    await fetchTranscript();
    const { warmUpSoon } = await import("../../markdown/warm");
    warmUpSoon();
  };
  requestAnimationFrame(() => setTimeout(() => void fetch()));
}
