import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { announce } from "../state/announce";
import { useNow } from "../state/clock";
import { t } from "../strings";
import { countdown } from "../text/format";

/** Half of the ring's circumference is 47; the whole is this. */
const AROUND = 94.25;

/** A ring that empties, with the time left in it. Says when 30 and 10 seconds are left. */
export function Countdown({ fromMs, toMs }: { fromMs: number; toMs: number }): JSX.Element {
  const now = useNow().value;
  const words = t();
  const leftMs = Math.max(0, toMs - now);
  const share = toMs > fromMs ? Math.min(1, leftMs / (toMs - fromMs)) : 0;
  const said = useRef(Number.POSITIVE_INFINITY);
  useEffect(() => {
    const seconds = Math.ceil(leftMs / 1000);
    if (seconds <= 10 && seconds > 0 && said.current > 10) announce(words.seconds10);
    else if (seconds <= 30 && seconds > 10 && said.current > 30) announce(words.seconds30);
    said.current = Math.min(said.current, seconds);
  }, [leftMs, words]);
  const time = countdown(leftMs);
  return (
    <span class="ring" role="timer" aria-label={leftMs > 0 ? words.timeLeft(time) : words.expired}>
      <svg viewBox="0 0 34 34" aria-hidden="true">
        <circle cx="17" cy="17" r="15" class="ring-track" />
        <circle cx="17" cy="17" r="15" class="ring-left" stroke-dasharray={`${AROUND * share} ${AROUND + 1}`} />
      </svg>
      <span>{time}</span>
    </span>
  );
}
