import type { Token } from "markdown-it";
import { describe, expect, test, vi } from "vitest";
import { decorator } from "./decorate";
import { setDirections } from "./direction";
import { draw } from "./draw";
import { createParser, linkHost, localPath } from "./parser";
import { PAYLOADS } from "./payloads";
import { MarkdownStream } from "./stream";
import { DOCUMENTS, randomMarkdown, seeded } from "./samples";
import { Sight } from "./sight";

vi.stubGlobal("IntersectionObserver", Sight);

const words = { copy: "Copy", copyPath: "Copy path", code: "Code", image: "Image", done: "Done:", open: "Open:", table: "Table" };

/** The text as the parser's own renderer writes it, with the attributes that are ours. */
function rendered(text: string): string {
  const markdown = createParser();
  const { rules } = markdown.renderer;
  const { escapeHtml } = markdown.utils;
  const link = (url: unknown): string => {
    const path = localPath(String(url));
    return path === undefined ? `data-url="${escapeHtml(String(url))}"` : `data-path="${escapeHtml(path)}"`;
  };
  rules["link_open"] = (tokens, index) => `<a ${link(tokens[index]?.attrGet("href"))}>`;
  rules["image"] = (tokens, index, options, env) => {
    const url = String(tokens[index]?.attrGet("src"));
    const alt = markdown.renderer.renderInlineAsText(tokens[index]?.children ?? [], options, env);
    return `<a ${link(url)} data-image="">${escapeHtml(alt || linkHost(url) || (localPath(url) ?? ""))}</a>`;
  };
  rules["fence"] = rules["code_block"] = (tokens, index) =>
    `<pre data-info="${escapeHtml(tokens[index]?.info.trim() ?? "")}"><code>${escapeHtml(tokens[index]?.content ?? "")}</code></pre>`;
  const formula = (tag: string, kind: string) => (tokens: Token[], index: number) => {
    const { content = "", markup = "" } = tokens[index] ?? {};
    const display = kind === "display" || markup.startsWith("$$");
    const tex = kind === "open" ? "" : ` data-tex="${escapeHtml(content)}" data-display="${display}"`;
    return `<${tag} class="formula"${tex}>${escapeHtml(markup)}</${tag}>`;
  };
  rules["math_inline"] = formula("span", "inline");
  rules["math_block"] = formula("p", "display");
  rules["math_open_end"] = formula("p", "open");
  const align = (token: Token | undefined): string => {
    const found = /text-align:(left|center|right)/.exec(String(token?.attrGet("style") ?? ""));
    return found ? ` class="${found[1]}"` : "";
  };
  rules["th_open"] = (tokens, index) => `<th scope="col"${align(tokens[index])}>`;
  rules["td_open"] = (tokens, index) => `<td${align(tokens[index])}>`;
  rules["list_item_open"] = (tokens, index) => {
    const task = tokens[index]?.meta?.["task"];
    return task === undefined ? "<li>" : `<li class="${task === true ? "task done" : "task"}">`;
  };
  const template = document.createElement("template");
  template.innerHTML = markdown.render(text);
  setDirections(template.content);
  return template.innerHTML;
}

function drawn(pieces: readonly string[], dressed = false): string {
  const box = document.createElement("div");
  const stream = dressed ? new MarkdownStream(box, decorator(words)) : new MarkdownStream(box);
  let text = "";
  for (const piece of pieces) {
    text += piece;
    stream.set(text, false);
  }
  stream.set(text, true);
  return box.innerHTML;
}

function cut(text: string, random: () => number, longest: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const length = 1 + Math.floor(random() * longest);
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
}

describe("a growing text", () => {
  test("each line of a chat is a line of its own", () => {
    expect(drawn(["Mon: rain\nTue: sun\nWed: snow"])).toBe("<p>Mon: rain<br>\nTue: sun<br>\nWed: snow</p>\n");
  });

  test.each([
    ["**注意：**请先备份。", "注意："],
    ["テスト**「強調」**です", "「強調」"],
    ["**강조(테스트)**는", "강조(테스트)"],
  ])("%s: what is bold once stays bold", (text, bold) => {
    const box = document.createElement("div");
    const stream = new MarkdownStream(box);
    let seen = "";
    for (let end = 1; end <= text.length; end += 1) {
      stream.set(text.slice(0, end), false);
      const strong = box.querySelector("strong")?.textContent ?? "";
      expect(strong.startsWith(seen), text.slice(0, end)).toBe(true);
      seen = strong;
    }
    stream.set(text, true);
    expect(box.querySelector("strong")?.textContent).toBe(bold);
    expect(box.textContent).not.toContain("*");
  });

  test.each(Object.entries(DOCUMENTS))("%s: letter by letter it is drawn as at once", (_name, text) => {
    expect(drawn([...text])).toBe(drawn([text]));
  });

  test.each(Object.entries(DOCUMENTS))("%s: block by block it is drawn as the parser draws the whole", (_name, text) => {
    const tidy = (html: string): string => html.replace(/\n+(?=<|$)/g, "");
    expect(tidy(drawn([text]))).toBe(tidy(rendered(text)));
  });

  test("what is meant to do harm, and any other text, is drawn as the parser's own renderer writes it", () => {
    const random = seeded(20_261_130);
    const texts = [...PAYLOADS, ...Array.from({ length: 200 }, () => randomMarkdown(random))];
    // Between blocks there may be more or fewer line ends; within text there may not.
    const tidy = (html: string): string => html.replace(/>\n+/g, ">").replace(/\n+(?=<|$)/g, "");
    for (const text of texts) {
      const box = document.createElement("div");
      box.append(draw(createParser().parse(text, {})));
      expect(tidy(box.innerHTML), JSON.stringify(text)).toBe(tidy(rendered(text)));
    }
  });

  test("any chunking of any text is drawn as the whole", () => {
    const random = seeded(20_261_120);
    for (let round = 0; round < 80; round += 1) {
      const text = randomMarkdown(random);
      const whole = drawn([text]);
      for (const longest of [3, 40]) {
        const pieces = cut(text, random, longest);
        expect(drawn(pieces), JSON.stringify(text)).toBe(whole);
      }
    }
  });

  test("nor does the cutting show in what is meant to do harm", () => {
    const random = seeded(20_261_127);
    for (const payload of PAYLOADS) {
      for (const text of [payload, `Before\n\n${payload}\n\nAfter`]) {
        const whole = drawn([text]);
        for (const longest of [2, 9]) expect(drawn(cut(text, random, longest)), JSON.stringify(text)).toBe(whole);
      }
    }
  });

  test("nor does it matter where drawing stopped for a while", () => {
    const random = seeded(20_261_128);
    let calls = 0;
    for (let round = 0; round < 60; round += 1) {
      const text = round < 20 ? randomMarkdown(random) : Array.from({ length: 40 }, () => randomMarkdown(random)).join("\n\n");
      const box = document.createElement("div");
      const stream = new MarkdownStream(box);
      let grown = "";
      for (const piece of cut(text, random, 4000)) {
        stream.set((grown += piece), false, () => random() < 0.7);
      }
      while (!stream.set(text, true, () => true)) calls += 1;
      expect(box.innerHTML, JSON.stringify(text)).toBe(drawn([text]));
    }
    expect(calls).toBeGreaterThan(20);
  });

  test("a long text that comes at once is drawn as one that grows", () => {
    const random = seeded(20_261_129);
    let text = "";
    while (text.length < 50_000) text += `${randomMarkdown(random)}\n\n`;
    for (const long of [text, `\`\`\`\n${text.replaceAll("`", "")}\n\`\`\`\n\nAfter.`]) {
      expect(drawn([long])).toBe(drawn(cut(long, random, 3000)));
    }
  });

  test("a drawing that stops has drawn one block more, and nothing of what was in sight goes", () => {
    const box = document.createElement("div");
    const stream = new MarkdownStream(box);
    expect(stream.set("One.\n\nTwo, and", false)).toBe(true);
    const text = "One.\n\nTwo, and more.\n\nThree.\n\nFour.\n\nFive";
    expect(stream.set(text, false, () => true)).toBe(false);
    expect([...box.children].map((block) => block.textContent)).toEqual(["One.", "Two, and more."]);
    expect(stream.set(text, false, () => true)).toBe(false);
    expect([...box.children].map((block) => block.textContent)).toEqual(["One.", "Two, and more.", "Three."]);
    expect(stream.set(text, false)).toBe(true);
    expect([...box.children].map((block) => block.textContent)).toEqual(["One.", "Two, and more.", "Three.", "Four.", "Five"]);
  });

  test("a prefix is drawn the same however it was reached", () => {
    const random = seeded(7);
    for (let round = 0; round < 40; round += 1) {
      const text = randomMarkdown(random).replaceAll("[", "");
      const end = Math.floor(random() * text.length);
      const partial = (pieces: string[]): string => {
        const box = document.createElement("div");
        const stream = new MarkdownStream(box);
        let grown = "";
        for (const piece of pieces) stream.set((grown += piece), false);
        return box.innerHTML;
      };
      const prefix = text.slice(0, end);
      expect(partial([...prefix]), JSON.stringify(prefix)).toBe(partial([prefix]));
    }
  });

  test("finished blocks are never drawn again", () => {
    const box = document.createElement("div");
    const stream = new MarkdownStream(box);
    let text = "# One\n\nTwo is a paragraph.\n\n```\ncode\n```\n\n";
    stream.set(text, false);
    const kept = [...box.children];
    expect(kept.map((node) => node.tagName)).toEqual(["H1", "P", "PRE"]);
    for (const piece of ["More", " words", " here.\n\n", "- a\n", "- b\n\n", "End."]) {
      text += piece;
      stream.set(text, false);
      expect([...box.children].slice(0, 3)).toEqual(kept);
      expect([...box.children].slice(0, 3).every((node, index) => node === kept[index])).toBe(true);
    }
  });

  test("the work for a delta does not grow with the text before it", () => {
    let drawnNodes = 0;
    const box = document.createElement("div");
    const stream = new MarkdownStream(box, (fragment) => {
      drawnNodes += fragment.querySelectorAll("*").length;
    });
    let text = "";
    const perBlock: number[] = [];
    for (let block = 0; block < 120; block += 1) {
      drawnNodes = 0;
      for (const piece of ["A paragraph ", "with **some** ", "words.", "\n\n"]) stream.set((text += piece), false);
      perBlock.push(drawnNodes);
    }
    expect(Math.max(...perBlock.slice(80))).toBeLessThanOrEqual(Math.max(...perBlock.slice(1, 20)));
  });

  test("long code grows by short pieces, the first stays as it is", () => {
    const box = document.createElement("div");
    const stream = new MarkdownStream(box, decorator(words));
    let text = "```rust\nfn main() {\n";
    stream.set(text, false);
    const code = box.querySelector("code")!.firstChild;
    for (let line = 0; line < 50; line += 1) stream.set((text += `    let x${line} = ${line};\n`), false);
    expect(box.querySelector("code")!.firstChild).toBe(code);
    expect(box.querySelector("code")!.textContent).toBe(text.slice("```rust\n".length));
    for (let line = 0; line < 400; line += 1) stream.set((text += `    let y${line} = ${line};\n`), false);
    expect(box.querySelector("code")!.textContent).toBe(text.slice("```rust\n".length));
    expect(Math.max(...[...box.querySelectorAll("code span")].map((piece) => piece.textContent.length))).toBeLessThan(2500);
    stream.set(`${text}}\n\`\`\`\nAfter.`, false);
    expect(box.querySelector("code")!.textContent).toContain("let y399 = 399;\n}\n");
    expect(box.querySelector("p")!.textContent).toBe("After.");
  });

  test("a definition that comes late still makes the link", () => {
    const text = "See [the guide] first.\n\nMore.\n\n[the guide]: https://example.org/g\n";
    expect(drawn([...text])).toContain('data-url="https://example.org/g"');
    expect(drawn([...text])).toBe(drawn([text]));
  });

  test("a text that is replaced keeps the blocks it shares", () => {
    const box = document.createElement("div");
    const stream = new MarkdownStream(box);
    stream.set("First.\n\nSecond.\n\nThird", false);
    const first = box.firstElementChild;
    stream.set("First.\n\nSecond.\n\nAnother end.", true);
    expect(box.firstElementChild).toBe(first);
    expect(box.innerHTML.replaceAll("\n", "")).toBe("<p>First.</p><p>Second.</p><p>Another end.</p>");
    stream.set("Wholly new.", true);
    expect(box.innerHTML.trim()).toBe("<p>Wholly new.</p>");
  });

  test("dressed blocks do not depend on the chunking either", () => {
    const text = DOCUMENTS["everything"]!;
    expect(drawn(text.match(/[\s\S]{1,9}/g) ?? [], true)).toBe(drawn([text], true));
  });
});
