import { signal } from "@preact/signals";
import { type JSX, render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import { Sight } from "../markdown/sight";
import { announcement } from "../state/announce";
import { type Link, LinkProvider } from "../state/session";
import { Markdown } from "./Markdown";

vi.stubGlobal("IntersectionObserver", Sight);
const page = document.body.appendChild(document.createElement("div"));
afterEach(() => render(null, page));

function draw(markdown: JSX.Element): void {
  const deaf = { request: () => Promise.reject(new Error("nobody was to be asked")) } as unknown as Link;
  render(<LinkProvider value={deaf}>{markdown}</LinkProvider>, page);
}

test("a paragraph that was finished before it could be drawn is read out, where it is news", async () => {
  const text = signal("Said before anything was drawn.\n\nAnd so");
  draw(<Markdown text={text} streaming news />);
  expect(announcement.value.trim()).toBe("Said before anything was drawn.");
  text.value += " on.\n\nThe rest";
  await vi.waitFor(() => expect(announcement.value.trim()).toBe("And so on."), 10_000);
});

test("what was there before the page was is not read out; what comes after it is", async () => {
  const before = announcement.value;
  const text = signal("Old words.\n\nOld words that");
  draw(<Markdown text={text} streaming />);
  expect(announcement.value).toBe(before);
  text.value += " end here.\n\nNew";
  await vi.waitFor(() => expect(announcement.value.trim()).toBe("Old words that end here."), 10_000);
  render(null, page);
  vi.useFakeTimers();
  draw(<Markdown text={signal("A whole one.")} streaming={false} />);
  await vi.advanceTimersByTimeAsync(60_000);
  vi.useRealTimers();
  expect(announcement.value.trim()).toBe("Old words that end here.");
});
