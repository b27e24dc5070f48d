import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

const seconds = signal(Date.now());
let users = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

function tick(): void {
  seconds.value = Date.now();
  schedule();
}

function schedule(): void {
  clearTimeout(timer);
  timer = undefined;
  // A hidden window has no timers.
  if (users === 0 || document.visibilityState === "hidden") return;
  timer = setTimeout(tick, 1000 - (Date.now() % 1000));
}

document.addEventListener("visibilitychange", () => {
  seconds.value = Date.now();
  schedule();
});

/** The time, a step a second while somebody looks and the caller needs it. */
export function useNow(active = true): ReadonlySignal<number> {
  useEffect(() => {
    if (!active) return;
    users += 1;
    seconds.value = Date.now();
    schedule();
    return () => {
      users -= 1;
      schedule();
    };
  }, [active]);
  return seconds;
}
