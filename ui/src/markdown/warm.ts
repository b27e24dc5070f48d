import { besideTyping } from "../state/typing";
import { decorator } from "./decorate";
import { MarkdownStream } from "./stream";

/** Until the window has drawn what it starts with. */
const AFTER_MS = 300;

/** Something of everything that has a font, a form or a rule of its own. Each is a step. */
const SAMPLE = [
  "## Words\n\nAnd a sentence. ",
  "**Strong** ",
  "and *soft*. ",
  "And `code`. ",
  "And [a link](https://example.org).\n\n",
  "- first\n  - nested\n- [x] done\n\n1. one\n\n> said\n\n",
  "```rust\nlet it = be; // 1\n```\n\n",
  "| left | right |\n|---|---:|\n| a | 1 |\n",
];

/**
 * Draws and lays out a little Markdown out of sight, a step at a time. The fonts are looked up, and what the parser builds for itself is
 * built, before the first reply comes: together it would stop the window for a quarter of a second, with somebody's keys in it.
 */
export function warmUp(): void {
  const place = document.createElement("div");
  place.className = "markdown offscreen";
  place.setAttribute("aria-hidden", "true");
  document.body.append(place);
  const stream = new MarkdownStream(place, decorator({ copy: "", copyPath: "", code: "", image: "", done: "", open: "", table: "" }));
  let text = "";
  const steps = SAMPLE.values();
  const step = (): void => {
    const next = steps.next();
    text += next.value ?? "";
    stream.set(text, next.done === true);
    // Asking for a size is what lays it out.
    void place.offsetHeight;
    if (next.done) place.remove();
    else then();
  };
  // A window that is not shown has no frames.
  const then = (): void => {
    if (document.hidden) setTimeout(step);
    else besideTyping(step);
  };
  then();
}

/** Does so when the window stands. */
export function warmUpSoon(): void {
  setTimeout(warmUp, AFTER_MS);
}
