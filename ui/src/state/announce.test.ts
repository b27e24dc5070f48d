import { effect, signal } from "@preact/signals";
import { expect, test } from "vitest";
import { announce, announcement } from "./announce";

test("whoever announces from an effect is not run again by it, and the same words are said again", () => {
  const drawn = signal(0);
  let runs = 0;
  const stop = effect(() => {
    announce(`part ${drawn.value}`);
    runs += 1;
  });
  expect(runs).toBe(1);
  announce("something else");
  expect(runs).toBe(1);
  drawn.value = 1;
  expect([runs, announcement.value]).toEqual([2, "part 1"]);
  stop();
  announce("part 1");
  expect(announcement.value).not.toBe("part 1");
});
