import { effect, signal } from "@preact/signals";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { announce, announcement } from "./announce";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.runAllTimers();
  vi.useRealTimers();
});

test("whoever announces from an effect is not run again by it, and the same words are said again", () => {
  const drawn = signal(0);
  let runs = 0;
  const stop = effect(() => {
    announce(`part ${drawn.value}`);
    runs += 1;
  });
  expect(runs).toBe(1);
  vi.runAllTimers();
  announce("something else");
  vi.runAllTimers();
  expect(runs).toBe(1);
  drawn.value = 1;
  expect([runs, announcement.value]).toEqual([2, "part 1"]);
  stop();
  vi.runAllTimers();
  announce("part 1");
  expect(announcement.value).not.toBe("part 1");
});

test("what comes while other words must stay is said after them, and nothing is lost", () => {
  const said: string[] = [];
  const stop = effect(() => void said.push(announcement.value));
  said.length = 0;
  announce("first");
  announce("second");
  announce("third");
  expect(said).toEqual(["first"]);
  vi.advanceTimersByTime(199);
  expect(said).toEqual(["first"]);
  vi.advanceTimersByTime(1);
  expect(said).toEqual(["first", "second\nthird"]);
  announce("fourth");
  vi.runAllTimers();
  expect(said).toEqual(["first", "second\nthird", "fourth"]);
  stop();
});
