import createMarkdown, { type Token } from "markdown-it";
import { describe, expect, test, vi } from "vitest";
import { decorator } from "./decorate";
import { draw } from "./draw";
import { createParser, isSafeUrl, localPath } from "./parser";
import { PAYLOADS } from "./payloads";
import { Sight } from "./sight";
import { MarkdownStream } from "./stream";

vi.stubGlobal("IntersectionObserver", Sight);

const words = { copy: "Copy", copyPath: "Copy path", code: "Code", image: "Image", done: "Done:", open: "Open:", table: "Table" };

const TAGS = new Set(
  (
    "a article b blockquote br button code del div em h1 h2 h3 h4 h5 h6 header hr li ol p pre s span strong table tbody td th thead tr ul svg use"
  ).split(" "),
);
const ATTRIBUTES = new Set(
  "aria-hidden aria-label class data-copy data-display data-image data-path data-tex data-url dir href role scope start tabindex title type".split(" "),
);

/** Everything about a tree that could run or fetch something. */
function harm(root: ParentNode): string[] {
  const found: string[] = [];
  for (const element of root.querySelectorAll("*")) {
    const tag = element.tagName.toLowerCase();
    if (!TAGS.has(tag)) found.push(`<${tag}>`);
    for (const { name, value } of element.attributes) {
      if (!ATTRIBUTES.has(name)) found.push(`${tag}[${name}]`);
      if (name === "data-url" && !isSafeUrl(value)) found.push(`${tag}[${name}=${value}]`);
      if (name === "data-path" && localPath(value) !== value) found.push(`${tag}[${name}=${value}]`);
      if (name === "dir" && value !== "ltr" && value !== "rtl") found.push(`${tag}[${name}=${value}]`);
      if (name === "href" && !(tag === "use" && /^#icon-[a-z-]+$/.test(value))) found.push(`${tag}[href=${value}]`);
      if (name === "id") found.push(`${tag}[id]`);
    }
  }
  return found;
}

/** The same before the finishing touches, which read what was said behind the opening of a fence and take it away. */
function undressed(root: ParentNode): string[] {
  return harm(root).filter((found) => found !== "pre[data-info]");
}

function rendered(text: string, step: number): HTMLElement {
  const box = document.createElement("div");
  const stream = new MarkdownStream(box, decorator(words));
  for (let end = step; end < text.length; end += step) stream.set(text.slice(0, end), false);
  stream.set(text, true);
  return box;
}

describe("text from an agent", () => {
  test("the corpus is large enough", () => {
    expect(new Set(PAYLOADS).size).toBeGreaterThanOrEqual(300);
  });

  test("nothing in the corpus survives as script, handler, style or remote resource", () => {
    for (const payload of PAYLOADS) {
      expect(harm(rendered(payload, Number.MAX_SAFE_INTEGER)), payload).toEqual([]);
    }
  });

  test("nor while it streams in", () => {
    for (const payload of PAYLOADS.filter((_, index) => index % 7 === 0)) {
      const box = document.createElement("div");
      const stream = new MarkdownStream(box, decorator(words));
      for (let end = 3; end < payload.length; end += 5) {
        stream.set(payload.slice(0, end), false);
        expect(harm(box), payload.slice(0, end)).toEqual([]);
      }
    }
  });

  test("raw HTML stays readable as text", () => {
    expect(rendered("<script>alert(1)</script>", 100).textContent).toContain("<script>alert(1)</script>");
  });

  test("the wall behind the parser holds on its own: with one that lets everything through, too", () => {
    const open = createMarkdown("default", { html: true, linkify: true });
    open.validateLink = () => true;
    let links = 0;
    let raw = 0;
    for (const payload of PAYLOADS) {
      const tokens = open.parse(payload, {});
      const all = tokens.flatMap((token) => [token, ...(token.children ?? [])]);
      links += all.filter((token) => token.type === "link_open" && !isSafeUrl(String(token.attrGet("href")))).length;
      raw += all.filter((token) => token.type.startsWith("html_")).length;
      const box = document.createElement("div");
      box.append(draw(tokens));
      expect(undressed(box), payload).toEqual([]);
    }
    expect(links).toBeGreaterThan(20);
    expect(raw).toBeGreaterThan(100);
  });

  test("a token that asks for another element or attribute gets neither, and its text stays", () => {
    const parsed = createParser().parse("Before [a](https://a.example) *b* after\n\n- c\n\n1. d\n\n```\ne\n```\n", {});
    const each = (tokens: Token[], change: (token: Token) => void): void => {
      for (const token of tokens) {
        change(token);
        each(token.children ?? [], change);
      }
    };
    const box = document.createElement("div");
    each(parsed, (token) => {
      for (const name of ["onclick", "style", "id", "src", "srcdoc", "href", "class", "start"]) token.attrSet(name, "javascript:alert(1)");
      token.meta = { task: "javascript:alert(1)" };
    });
    box.append(draw(parsed));
    expect(undressed(box)).toEqual([]);
    for (const element of box.querySelectorAll("a, li, ol")) expect(element.getAttributeNames()).toEqual([]);
    for (const tag of ["script", "iframe", "svg", "use", "style", "IMG", "a onclick=x", ""]) {
      each(parsed, (token) => {
        if (token.nesting !== 0) token.tag = tag;
      });
      box.replaceChildren(draw(parsed));
      expect(undressed(box), tag).toEqual([]);
      expect(box.textContent.replace(/\s+/g, " ").trim()).toBe("Before a b after c d e");
    }
  });
});

describe("links", () => {
  test("only the web and mail are links", () => {
    for (const url of ["https://a.example/x?y#z", "http://a.example", "mailto:ida@example.org", "HTTPS://A.EXAMPLE"]) expect(isSafeUrl(url)).toBe(true);
    for (const url of ["javascript:alert(1)", "https://", "//a.example", "file:///x", "https:/a", " https://a.example", "ht\ntps://a.example", "data:text/html,x"]) {
      expect(isSafeUrl(url), url).toBe(false);
    }
  });

  test("a link has no address of its own, and says which host it leads to", () => {
    const link = rendered("[the guide](https://docs.example.org/a)", 99).querySelector("a")!;
    expect(link.hasAttribute("href")).toBe(false);
    expect(link.getAttribute("data-url")).toBe("https://docs.example.org/a");
    expect(link.getAttribute("role")).toBe("link");
    expect(link.textContent).toBe("the guide docs.example.org");
  });

  test("a text that names another host than the address does not hide it", () => {
    expect(rendered("[https://bank.example](https://evil.example/x)", 99).textContent.trim()).toBe("https://bank.example evil.example");
    expect(rendered("[https://bank.example@evil.example](https://evil.example)", 99).textContent).toContain(" evil.example");
    expect(rendered("[https://evil.example.bank.example](https://evil.example)", 99).textContent.trim()).toMatch(/ evil\.example$/);
  });

  test("an image is a link that is followed only on demand", () => {
    const box = rendered("![chart](https://img.example/c.png)", 99);
    expect(box.querySelector("img")).toBeNull();
    expect(box.textContent.trim()).toBe("Image: chart img.example");
    expect(box.querySelector("a")!.getAttribute("data-url")).toBe("https://img.example/c.png");
  });

  test("a file on the agent's computer keeps its words, and its path can be copied", () => {
    const paths: [string, string][] = [
      ["[report](/srv/report.md)", "/srv/report.md"],
      ["[report](./a.rs:12)", "./a.rs:12"],
      ["[report](src/deep/a.rs#L3-L9)", "src/deep/a.rs#L3-L9"],
      ["[report](~/notes.txt)", "~/notes.txt"],
      ["[report](file:///etc/hosts)", "/etc/hosts"],
      ["[report](</srv/my report.md>)", "/srv/my report.md"],
      ["[report](README.md)", "README.md"],
      ["![report](/srv/plot.png)", "/srv/plot.png"],
    ];
    for (const [text, path] of paths) {
      const box = rendered(text, 99);
      const found = box.querySelector(".path")!;
      expect(found.textContent, text).toBe("report");
      expect(found.getAttribute("data-path"), text).toBe(path);
      expect(found.querySelector("button[data-copy]")?.getAttribute("aria-label"), text).toBe("Copy path");
      expect(box.querySelector("a"), text).toBeNull();
    }
  });

  test("what is no plain path is no path", () => {
    for (const url of ["//evil.example/x", "javascript:alert(1)", "data:text/html,x", "file://host/share", "vbscript:x", "a:b", "/a\u202eb", "/a%0Ab", "ftp://x/y"]) {
      expect(localPath(url), url).toBeUndefined();
    }
  });
});
