/** Between two keys of somebody who types there is no more than this. */
const TYPING_MS = 250;
/** Work waits for the next key no longer than this. */
const PATIENCE_MS = 150;

let keyAt = -Infinity;
let keys = 0;
const waiting = new Set<() => void>();

/** The key is in the page, and painted: the moment to do what takes a while, before the next one comes. */
function painted(): void {
  for (const run of [...waiting]) run();
}

addEventListener(
  "keydown",
  () => {
    keyAt = performance.now();
    const key = ++keys;
    // The second frame begins when the first, which shows the key, is out.
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => key === keys && painted())));
  },
  true,
);

/** Whether somebody types right now. */
export function isTyping(): boolean {
  return performance.now() - keyAt < TYPING_MS;
}

/**
 * Runs something that takes a while in the next frame, or, while somebody types, right behind a key: a key that comes in the middle of
 * it would be late. Returns what calls it off.
 */
export function besideTyping(run: () => void): () => void {
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const off = (): void => {
    waiting.delete(now);
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
  const now = (): void => {
    off();
    run();
  };
  if (isTyping()) {
    waiting.add(now);
    timer = setTimeout(now, PATIENCE_MS);
  } else {
    frame = requestAnimationFrame(now);
  }
  return off;
}
