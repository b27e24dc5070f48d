import { describe, expect, test } from "vitest";
import { directionOf } from "./direction";
import { MarkdownStream } from "./stream";

function directions(text: string, cut = text.length): Record<string, string | null> {
  const box = document.createElement("div");
  const stream = new MarkdownStream(box);
  stream.set(text.slice(0, cut), false);
  if (cut === text.length) stream.set(text, true);
  const found: Record<string, string | null> = {};
  for (const element of box.querySelectorAll("*")) found[`${element.localName}: ${element.textContent.trim()}`] = element.getAttribute("dir");
  return found;
}

describe("direction", () => {
  test("the first letter decides", () => {
    expect(directionOf("12. שלום world")).toBe("rtl");
    expect(directionOf("😀 hello שלום")).toBe("ltr");
    expect(directionOf("مرحبا")).toBe("rtl");
    expect(directionOf("123 …")).toBeUndefined();
  });

  test("each block has its own, and code is left to right", () => {
    expect(directions("`cargo run` שלום\n\nplain")).toEqual({ "p: cargo run שלום": "rtl", "code: cargo run": "ltr", "p: plain": null });
    expect(directions("- פריט\n- three")).toEqual({ "ul: פריט\nthree": "rtl", "li: פריט": null, "li: three": "ltr" });
  });

  test("text that only goes from left to right has no attribute at all", () => {
    expect(Object.values(directions("# a\n\n- b `c`\n\n> d"))).toEqual([null, null, null, null, null, null]);
  });

  test("a block does not turn around while it grows", () => {
    const text = "שלום, this is mostly English\n";
    for (let cut = 1; cut <= text.length; cut += 1) expect(Object.values(directions(text, cut))).toEqual(["rtl"]);
  });
});
