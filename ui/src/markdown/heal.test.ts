import { describe, expect, test } from "vitest";
import { heal } from "./heal";
import { DOCUMENTS, randomMarkdown, seeded } from "./samples";
import { MarkdownStream } from "./stream";

const table = (head: number): string => "|---".repeat(head) + "|";

describe("half-open Markdown", () => {
  test.each([
    ["plain words", "plain words"],
    ["a **bold wo", "a **bold wo**"],
    ["a **bold ", "a **bold** "],
    ["a **", "a "],
    ["a **bold*", "a **bold**"],
    ["a **bold** and *it", "a **bold** and *it*"],
    ["**bold *both", "**bold *both***"],
    ["~~gone", "~~gone~~"],
    ["snake_case_na", "snake_case_na"],
    ["2 * 3 and 4 * ", "2 * 3 and 4 * "],
    ["* item\n* **bo", "* item\n* **bo**"],
    ["run `cargo te", "run `cargo te`"],
    ["run `", "run "],
    ["``a ` b", "``a ` b``"],
    ["**see `co", "**see `co`**"],
    ["\\*not bold", "\\*not bold"],
    ["see [the gui", "see the gui"],
    ["see [the guide](https://exam", "see the guide"],
    ["see [the guide](https://example.org) now", "see [the guide](https://example.org) now"],
    ["see ![alt](http", "see alt"],
    ["- [", "- "],
    ["- [x", "- "],
    ["- [x] done", "- [x] done"],
    ["words\n-", "words"],
    ["words\n==", "words"],
    ["##", ""],
    ["## Head", "## Head"],
    ["- one\n-", "- one"],
    ["| a | b |", `| a | b |\n${table(2)}`],
    ["| a | b |\n|-", `| a | b |\n${table(2)}`],
    ["| a | b |\n| c", "| a | b |\n| c"],
    ["| a | b |\n|---|---|\n| c", "| a | b |\n|---|---|\n| c"],
    ["```sh\nls **", "```sh\nls **"],
    ["```\n`` [\n", "```\n`` [\n"],
    ["done **this**\n\nand *th", "done **this**\n\nand *th*"],
  ])("%j is drawn as %j", (half, whole) => {
    expect(heal(half)).toBe(whole);
  });

  test("what is whole stays as it is", () => {
    for (const [name, text] of Object.entries(DOCUMENTS)) {
      if (/\n\n$|[\w.`)]\n*$/.test(text) && !text.includes("[")) expect(heal(text), name).toContain(text.slice(0, 20));
    }
  });

  test("nothing is added but marks, and the last drawing is of the text alone", () => {
    const random = seeded(99);
    for (let round = 0; round < 60; round += 1) {
      const text = randomMarkdown(random);
      const half = text.slice(0, Math.floor(random() * text.length));
      const letters = (words: string): string => words.replace(/[^\p{L}\p{N}]/gu, "");
      // Half an address is not shown; apart from that no letter comes or goes.
      const healed = letters(heal(half));
      expect(letters(half).startsWith(healed.slice(0, 5)) || half.includes("["), JSON.stringify(half)).toBe(true);
      expect(healed.length, JSON.stringify(half)).toBeLessThanOrEqual(letters(half).length);
    }
    const box = document.createElement("div");
    const stream = new MarkdownStream(box);
    stream.set("a **bold wo", false);
    expect(box.querySelector("strong")?.textContent).toBe("bold wo");
    stream.set("a **bold wo", true);
    expect(box.querySelector("strong")).toBeNull();
    expect(box.textContent).toContain("a **bold wo");
  });

  test("a hostile tail costs little", () => {
    for (const text of ["[".repeat(50_000), "`*_[".repeat(20_000), "**a ".repeat(20_000), `${"x\n".repeat(50_000)}**b`]) {
      expect(heal(text).length).toBeLessThanOrEqual(text.length + 100);
    }
    expect(heal(`${"x\n".repeat(50_000)}**b`).endsWith("**b**")).toBe(true);
  });

  test("a table is a table from its first row on", () => {
    const box = document.createElement("div");
    const stream = new MarkdownStream(box);
    for (const text of ["| Name | Size |", "| Name | Size |\n", "| Name | Size |\n|--", "| Name | Size |\n|---|---|\n| a"]) {
      stream.set(text, false);
      expect(box.querySelectorAll("th"), text).toHaveLength(2);
    }
  });
});
