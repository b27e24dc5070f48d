import { describe, expect, test } from "vitest";
import { fuzzy, rank } from "./fuzzy";

describe("fuzzy", () => {
  test("letters in order match, in any case and without accents", () => {
    expect(fuzzy("lrn", "Lumen release notes")).toBeDefined();
    expect(fuzzy("LUMEN", "Lumen release notes")?.positions).toEqual([0, 1, 2, 3, 4]);
    expect(fuzzy("cafe", "Café am Eck")).toBeDefined();
    expect(fuzzy("日記", "今日の日記")?.positions).toEqual([3, 4]);
  });

  test("letters out of order do not", () => {
    expect(fuzzy("nzl", "Lumen release")).toBeUndefined();
    expect(fuzzy("nul", "Lumen")).toBeUndefined();
    expect(fuzzy("x", "")).toBeUndefined();
  });

  test("an empty query matches everything and keeps the order", () => {
    expect(rank("  ", ["b", "a"], (text) => text).map(({ item }) => item)).toEqual(["b", "a"]);
  });

  test("positions are those of the letters asked for", () => {
    const text = "Clean up the staging disk";
    for (const query of ["cstd", "staging", "ctsd"]) {
      const match = fuzzy(query, text);
      expect(match?.positions.map((at) => text.charAt(at).toLowerCase()).join("")).toBe(query);
    }
  });

  test.each([
    ["rel", ["Barrel", "Lumen release notes"], "Lumen release notes"],
    ["st", ["Last night", "Staging disk"], "Staging disk"],
    ["wd", ["Windows", "Weekly digest"], "Weekly digest"],
    ["lisbon", ["List of bonds now", "Trip to Lisbon"], "Trip to Lisbon"],
  ])("%s finds the better of %j", (query, items, best) => {
    expect(rank(query, items, (text) => text)[0]?.item).toBe(best);
  });

  test("a bonus decides between equals", () => {
    const found = rank("a", ["a1", "a2"], (text) => text, (text) => (text === "a2" ? 5 : 0));
    expect(found.map(({ item }) => item)).toEqual(["a2", "a1"]);
  });
});
