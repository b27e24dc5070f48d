import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { besideTyping, isTyping } from "./typing";

/** When something ran, in milliseconds from the start. */
let ran: number[];
let began: number;
const note = (): void => {
  ran.push(Math.round(performance.now() - began));
};
const key = (): boolean => window.dispatchEvent(new KeyboardEvent("keydown", { key: "k" }));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame", "performance"] });
  vi.advanceTimersByTime(10_000);
  ran = [];
  began = performance.now();
});
afterEach(() => {
  vi.useRealTimers();
});

test("with nobody typing it is the next frame", () => {
  expect(isTyping()).toBe(false);
  besideTyping(note);
  vi.advanceTimersByTime(17);
  expect(ran).toHaveLength(1);
  vi.advanceTimersByTime(1000);
  expect(ran).toHaveLength(1);
});

test("while somebody types it comes behind the frame that shows the next key", () => {
  key();
  expect(isTyping()).toBe(true);
  vi.advanceTimersByTime(60);
  besideTyping(note);
  vi.advanceTimersByTime(20);
  expect(ran).toEqual([]);
  key();
  expect(ran).toEqual([]);
  vi.advanceTimersByTime(17);
  expect(ran, "the frame with the key is not out yet").toEqual([]);
  vi.advanceTimersByTime(40);
  expect(ran).toHaveLength(1);
  key();
  vi.advanceTimersByTime(1000);
  expect(ran).toHaveLength(1);
});

test("of two keys at once it waits for the second, but not for ever", () => {
  key();
  besideTyping(note);
  for (let ms = 0; ms < 300; ms += 10) {
    key();
    vi.advanceTimersByTime(10);
  }
  expect(ran).toEqual([150]);
});

test("what is called off never comes", () => {
  besideTyping(note)();
  key();
  besideTyping(note)();
  key();
  vi.advanceTimersByTime(1000);
  expect(ran).toEqual([]);
});

test("what one thing puts off comes behind a later key", () => {
  key();
  besideTyping(() => besideTyping(note));
  key();
  vi.advanceTimersByTime(60);
  expect(ran).toEqual([]);
  key();
  vi.advanceTimersByTime(60);
  expect(ran).toHaveLength(1);
});
