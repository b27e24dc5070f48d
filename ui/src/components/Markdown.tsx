import { effect, type ReadonlySignal, untracked } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { decorator } from "../markdown/decorate";
import { linkHost } from "../markdown/parser";
import { MarkdownStream } from "../markdown/stream";
import { useLink } from "../state/session";
import { besideTyping, isTyping } from "../state/typing";
import { t } from "../strings";
import { announce } from "../state/announce";
import { copyText } from "../text/clipboard";

/** The least time between two drawings of a reply that streams: faster than anybody reads, and every frame costs. */
const REST_MS = 110;
/** Blocks are drawn for so long at a time; those that are left come with the next drawing. Keys are answered in between. */
const SLICE_MS = 20;
/** The same while somebody types: a key must not wait. */
const SHORT_SLICE_MS = 10;
/** A drawing is followed by a pause three times as long, so that typing stays smooth beside a block that takes its time. */
const SHARE = 4;
/** How much of what one drawing has finished is read out. */
const SPOKEN = 600;

/** A message's text as Markdown. While it streams only its open tail is drawn, some ten times a second. */
export function Markdown({
  text,
  streaming,
  news = false,
  onGrow,
}: {
  text: ReadonlySignal<string>;
  streaming: boolean;
  /** Whether what is there at first is read out, too. */
  news?: boolean;
  onGrow?: () => void;
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const stream = useRef<MarkdownStream>();
  const link = useLink();
  const words = t();
  const live = useRef(false);
  /** Text that was there before the page was is not read out. */
  const aloud = useRef(news);
  /** What the drawing that goes on has finished. */
  const heard = useRef("");

  useLayoutEffect(() => {
    const container = box.current;
    if (!container) return;
    container.replaceChildren();
    const dress = decorator({
      copy: words.copy,
      copyPath: words.copyPath,
      code: words.code,
      image: words.image,
      done: words.taskDone,
      open: words.taskOpen,
      table: words.table,
    });
    stream.current = new MarkdownStream(container, (fragment, closed) => {
      // Screen readers hear finished paragraphs, not tokens.
      if (closed && aloud.current && heard.current.length < SPOKEN) heard.current += `${fragment.textContent.trim()}\n`;
      dress(fragment, closed);
    });
  }, [words]);

  useLayoutEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let callOff: (() => void) | undefined;
    let pauseUntil = 0;
    const off = (): void => {
      clearTimeout(timer);
      callOff?.();
      timer = callOff = undefined;
    };
    const draw = (): void => {
      off();
      const started = performance.now();
      const slice = isTyping() ? SHORT_SLICE_MS : SLICE_MS;
      // At first everything around it is new, too, and put in its place by whoever drew it.
      const goesOn = live.current;
      const whole = stream.current?.set(text.peek(), !streaming, () => goesOn && performance.now() - started > slice) ?? true;
      box.current?.classList.toggle("blank", !box.current.hasChildNodes());
      if (heard.current !== "") announce(heard.current.slice(0, SPOKEN));
      heard.current = "";
      if (goesOn) onGrow?.();
      live.current = streaming || !whole;
      aloud.current = streaming || (aloud.current && !whole);
      pauseUntil = started + Math.max(REST_MS, (performance.now() - started) * SHARE);
      if (!whole) plan();
    };
    const plan = (): void => {
      if (callOff !== undefined || timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        callOff = besideTyping(draw);
      }, pauseUntil - performance.now());
    };
    let first = true;
    const stop = effect(() => {
      // Reading the signal is what subscribes.
      void text.value;
      if (first || !streaming) untracked(draw);
      else plan();
      first = false;
    });
    return () => {
      stop();
      off();
    };
  }, [text, streaming, words, onGrow]);

  const follow = (event: Event): void => {
    if (!(event.target instanceof Element)) return;
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const path = copy.closest("[data-path]")?.getAttribute("data-path");
      void copyText(path ?? copy.closest(".code")?.querySelector("code")?.textContent ?? "").then((done) => {
        if (done) answerCopied(copy);
      });
      return;
    }
    const url = event.target.closest("[data-url]")?.getAttribute("data-url");
    if (!url) return;
    event.preventDefault();
    void link.ask({ type: "openLink", url });
    announce(t().openedOutside(linkHost(url)));
  };

  return (
    <div
      ref={box}
      class={streaming ? "markdown live" : "markdown"}
      onClick={follow}
      onKeyDown={(event) => {
        if (event.key === "Enter" && event.target instanceof Element && event.target.matches("[data-url]")) follow(event);
      }}
    />
  );
}

function answerCopied(button: Element): void {
  const label = button.querySelector(".label");
  if (!label) {
    announce(t().copied);
    return;
  }
  label.textContent = t().copied;
  setTimeout(() => {
    label.textContent = t().copy;
  }, 1500);
}
