import { signal } from "@preact/signals";

/** What the window's one polite region says to screen readers. */
export const announcement = signal("");

/** Screen readers are told of a region with a delay, and read what it says by then: so long do words stay. In milliseconds. */
const STAY_MS = 200;

let waiting: string[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

/** Says something once. What comes while other words must stay is said after them; the same words again are said again. */
export function announce(words: string): void {
  waiting.push(words);
  if (timer === undefined) say();
}

function say(): void {
  timer = undefined;
  if (waiting.length === 0) return;
  const words = waiting.join("\n");
  waiting = [];
  timer = setTimeout(say, STAY_MS);
  announcement.value = announcement.peek() === words ? `${words}\u00a0` : words;
}
