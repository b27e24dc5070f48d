import { beforeEach, describe, expect, test, vi } from "vitest";
import { coloured, highlightInSight } from "./highlight";
import { colour } from "./languages";
import { Sight } from "./sight";

vi.stubGlobal("IntersectionObserver", Sight);

const RUST = 'fn main() {\n    println!("<b>{}</b>", 1); // one\n}\n';

function block(text: string): HTMLElement {
  const code = document.createElement("code");
  code.textContent = text;
  document.body.append(code);
  return code;
}

const spans = (code: HTMLElement): string[] => [...code.querySelectorAll("span")].map((span) => `${span.className}: ${span.textContent}`);

describe("code", () => {
  beforeEach(() => document.body.replaceChildren());

  test("is coloured once it has been in sight for a moment, and keeps its text", async () => {
    const code = block(RUST);
    const before = coloured.value;
    vi.useFakeTimers();
    highlightInSight(code, "rust");
    await vi.advanceTimersByTimeAsync(60_000);
    vi.useRealTimers();
    expect(spans(code)).toEqual([]);
    Sight.move(code, true);
    await vi.waitFor(() => expect(spans(code)).toContain("hljs-keyword: fn"), 10_000);
    expect(spans(code)).toContain("hljs-title: main");
    expect(spans(code)).toContain("hljs-comment: // one");
    expect(code.textContent).toBe(RUST);
    expect(coloured.value).toBe(before + 1);
    expect(Sight.all.some((sight) => sight.watched.has(code))).toBe(false);
  });

  test("that only scrolls by stays as it is, and is coloured when somebody comes back to it", async () => {
    const passing = block(RUST);
    const staying = block(RUST);
    highlightInSight(passing, "rust");
    highlightInSight(staying, "rust");
    vi.useFakeTimers();
    Sight.move(passing, true);
    Sight.move(staying, true);
    Sight.move(passing, false);
    await vi.advanceTimersByTimeAsync(60_000);
    vi.useRealTimers();
    // Had the one that came first been looked at, it would have its colours first.
    await vi.waitFor(() => expect(spans(staying)).not.toEqual([]), 10_000);
    expect(spans(passing)).toEqual([]);
    Sight.move(passing, true);
    await vi.waitFor(() => expect(spans(passing)).not.toEqual([]), 10_000);
  });

  test("that comes back in the middle of a glance is looked at anew", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const code = block(RUST);
    const watched = (): boolean => Sight.all.some((sight) => sight.watched.has(code));
    highlightInSight(code, "rust");
    Sight.move(code, true);
    vi.advanceTimersByTime(100);
    Sight.move(code, false);
    Sight.move(code, true);
    vi.advanceTimersByTime(100);
    expect(watched()).toBe(true);
    vi.advanceTimersByTime(60);
    expect(watched()).toBe(false);
    vi.useRealTimers();
  });

  test("that was taken out of the page is not watched any longer", () => {
    const code = block(RUST);
    highlightInSight(code, "rust");
    code.remove();
    Sight.move(code, false);
    expect(Sight.all.some((sight) => sight.watched.has(code))).toBe(false);
  });

  test("of a language that nobody knows, of none, or too long for it is never watched", () => {
    for (const [text, language] of [[RUST, ""], ["x".repeat(60_001), "rust"]] as const) {
      const code = block(text);
      highlightInSight(code, language);
      expect(Sight.all.some((sight) => sight.watched.has(code))).toBe(false);
    }
    expect(colour(RUST, "no-such-language")).toBeUndefined();
  });

  test("keeps every letter in every language, one within another too", () => {
    const text = "<style>b { color: red }</style>\n<script>let a = `${1}`;</script>\n```js\nlet x = '<img src=x onerror=alert(1)>';\n```\n# **Head** &lt;\n";
    for (const language of ["bash", "c", "cpp", "css", "diff", "dockerfile", "go", "html", "ini", "java", "js", "json", "md", "py", "rs", "sql", "ts", "xml", "yaml"]) {
      const drawn = colour(text, language);
      expect(drawn?.textContent, language).toBe(text);
      for (const element of drawn?.querySelectorAll("*") ?? []) {
        expect(element.tagName).toBe("SPAN");
        expect(element.getAttributeNames()).toEqual(["class"]);
        expect(element.className).toMatch(/^hljs-[a-z_-]+$/);
      }
    }
    expect(colour(text, "xml")?.querySelector(".hljs-keyword")?.textContent).toBe("let");
  });
});
