import type { JSX } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { QueuedView } from "../api/QueuedView";
import { announce } from "../state/announce";
import { agentName } from "../state/lists";
import { useModel } from "../state/session";
import { locale, t } from "../strings";
import { daysBetween } from "../text/format";
import { dateFormat } from "../text/formats";
import { Icon } from "./Icon";
import { Message, type MessageActions, Queued } from "./Message";

/** Closer to the end than this counts as being there. */
const NEAR_PX = 24;

/** The conversation. It follows the newest words until the reader scrolls up. */
export function Transcript({
  shown,
  outbox,
  earlier,
  later,
  newest: toNewest,
  actions,
  whole = false,
}: {
  shown: readonly string[];
  outbox: readonly QueuedView[];
  earlier: (() => void) | undefined;
  /** Set while newer messages are not in the page: takes the next of them in. */
  later?: (() => void) | undefined;
  /** Set while the newest messages are not in the page: goes to them. */
  newest?: (() => void) | undefined;
  /** The whole conversation, opened at its end and parted by days. More of it comes by scrolling. */
  whole?: boolean;
  actions: Omit<MessageActions, "onGrow">;
}): JSX.Element {
  const model = useModel();
  const words = t();
  const box = useRef<HTMLDivElement>(null);
  // A reply that is complete is read from its beginning; one that arrives, or is awaited by its prompt, from its end.
  const following = useRef(whole || model.run.peek() !== undefined || model.cell(shown.at(-1) ?? "")?.head.peek().role === "user");
  const [away, setAway] = useState(false);

  /** Where the end was when it was last gone to. */
  const end = useRef(0);
  const follow = (on: boolean): void => {
    following.current = on;
    end.current = 0;
  };
  const toEnd = useCallback(() => {
    const scroller = box.current;
    if (!scroller || !following.current) return;
    if (scroller.scrollTop < end.current - 1 && isAway(scroller)) {
      // Scrolled up, and not yet told: it must not be undone by the words that come in the same frame.
      following.current = false;
      return;
    }
    scroller.scrollTop = scroller.scrollHeight;
    end.current = scroller.scrollTop;
  }, []);

  // What the user just asked is what they want to see; what comes by itself does not take the reader away.
  const newest = shown.at(-1);
  const lastSeen = useRef(newest);
  const unseen = useRef(0);
  if (newest !== lastSeen.current) {
    const from = lastSeen.current === undefined ? -1 : shown.indexOf(lastSeen.current);
    const fresh = from < 0 ? [] : shown.slice(from + 1);
    const asked = fresh.some((id) => model.cell(id)?.head.peek().role === "user");
    if (from < 0 || asked) follow(toNewest === undefined);
    else if (!following.current) unseen.current += fresh.length;
    lastSeen.current = newest;
  }

  // What is read stays where it is, whatever comes and goes or changes its height above it.
  const anchor = useRef<Anchor>();
  const stay = (): void => {
    const scroller = box.current;
    const place = anchor.current;
    const line = place && document.getElementById(place.id);
    if (!scroller || !line || following.current) return;
    // What was scrolled since is meant, though nobody was told of it yet.
    const scrolled = scroller.scrollTop - place.scrollTop;
    const wanted = line.offsetTop - place.top + scrolled;
    if (Math.abs(wanted - scroller.scrollTop) >= 1) scroller.scrollTop = wanted;
    anchor.current = anchorOf(scroller);
  };
  const drawn = useRef(shown);
  if (drawn.current !== shown) {
    drawn.current = shown;
    if (box.current && !following.current) anchor.current = anchorOf(box.current);
  }
  // Near either end of what is in the page there is more to come.
  const edges = ({ scrollTop, scrollHeight, clientHeight }: HTMLElement): void => {
    if (!whole || following.current) return;
    if (earlier && scrollTop < clientHeight) earlier();
    else if (later && scrollHeight - scrollTop - clientHeight < clientHeight) later();
  };
  const first = shown[0];
  useLayoutEffect(() => {
    stay();
    toEnd();
  }, [first, newest, shown.length, outbox.length, toEnd]);

  // The window may get its height after the text: keep the end in sight, or say that there is more.
  useEffect(() => {
    const scroller = box.current;
    if (!scroller || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => {
      stay();
      toEnd();
      setAway(!following.current && isAway(scroller));
    });
    observer.observe(scroller);
    for (const child of scroller.children) observer.observe(child);
    return () => observer.disconnect();
  }, [toEnd]);

  const phase = model.run.value?.phase;
  useEffect(() => {
    if (phase === "replying") announce(words.replying(agentName(model.parts.agents.value, model.parts.target.value.agent)));
  }, [phase]);

  const lastAnswer = shown.findLast((id) => model.cell(id)?.head.value.role === "assistant");
  return (
    <div class="talk-frame">
      <div
        ref={box}
        class="talk"
        role="log"
        aria-live="off"
        aria-label={words.conversation}
        tabIndex={0}
        onScroll={(event) => {
          follow(toNewest === undefined && !isAway(event.currentTarget));
          if (following.current) unseen.current = 0;
          else anchor.current = anchorOf(event.currentTarget);
          setAway(!following.current);
          edges(event.currentTarget);
        }}
      >
        <div class="talk-column">
          {earlier && (
            <button
              type="button"
              class="link-button earlier"
              onClick={() => {
                following.current = false;
                earlier();
              }}
            >
              {words.earlier}
            </button>
          )}
          {shown.map((id, index) => {
            const cell = model.cell(id);
            const before = whole && index > 0 ? model.cell(shown[index - 1] ?? "") : undefined;
            const newDay = cell && before && daysBetween(before.head.value.atMs, cell.head.value.atMs) !== 0;
            return cell && (
              <>
              {newDay && (
                <div class="day" role="separator" key={`day ${id}`}>
                  {dayName(cell.head.value.atMs, Date.now())}
                </div>
              )}
              <Message key={id} cell={cell} last={id === lastAnswer} actions={{ ...actions, onGrow: toEnd }} />
              </>
            );
          })}
          {outbox.map((queued) => (
            <Queued key={queued.id} queued={queued} actions={{ ...actions, onGrow: toEnd }} />
          ))}
        </div>
      </div>
      {(away || toNewest !== undefined) && (
        <button
          type="button"
          class="newest"
          aria-label={unseen.current > 0 ? words.newestCount(unseen.current) : words.newest}
          title={words.newest}
          onClick={() => {
            follow(true);
            unseen.current = 0;
            toNewest?.();
            requestAnimationFrame(toEnd);
          }}
        >
          <Icon name="down" />
          {unseen.current > 0 && <b class="number">{unseen.current}</b>}
        </button>
      )}
    </div>
  );
}

/** A message in sight and where it stands, as of a position of the scroller. */
interface Anchor {
  id: string;
  /** From the top of the scroller, in pixels. */
  top: number;
  scrollTop: number;
}

/** The message in the middle: those that only come into sight at an edge have just got their real height. */
function anchorOf(scroller: HTMLElement): Anchor | undefined {
  const { scrollTop } = scroller;
  const middle = scroller.offsetTop + scrollTop + scroller.clientHeight / 2;
  for (const line of scroller.querySelectorAll<HTMLElement>(".talk-column > [id]")) {
    if (line.offsetTop + line.offsetHeight > middle) return { id: line.id, top: line.offsetTop - scrollTop, scrollTop };
  }
  return undefined;
}

function isAway({ scrollTop, scrollHeight, clientHeight }: HTMLElement): boolean {
  return scrollHeight - scrollTop - clientHeight >= NEAR_PX;
}

function dayName(ms: number, nowMs: number): string {
  const days = daysBetween(ms, nowMs);
  if (days === 0) return t().today;
  if (days === 1) return t().yesterday;
  return dateFormat(locale(), { weekday: "long", day: "numeric", month: "long" }).format(ms);
}
