import { signal } from "@preact/signals";

/** What the window's one polite region says to screen readers. */
export const announcement = signal("");

/** Says something once. The same words again are said again. */
export function announce(words: string): void {
  announcement.value = announcement.peek() === words ? `${words}\u00a0` : words;
}
