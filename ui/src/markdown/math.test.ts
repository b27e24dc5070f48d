import { describe, expect, test, vi } from "vitest";
import { decorator } from "./decorate";
import { formulaAt } from "./formulas";
import { heal } from "./heal";
import { drawFormula } from "./math";
import { Sight } from "./sight";
import { MarkdownStream } from "./stream";

vi.stubGlobal("IntersectionObserver", Sight);

const words = { copy: "Copy", copyPath: "Copy path", code: "Code", image: "Image", done: "Done:", open: "Open:", table: "Table" };

describe("formulas", () => {
  test.each([
    ["\\(a_1 * b_1\\)", "a_1 * b_1"],
    ["$$a*b*c$$", "a*b*c"],
    ["$x$", "x"],
    ["$E = mc^2$", "E = mc^2"],
  ])("%s is one", (text, tex) => {
    expect(formulaAt(text, 0)).toEqual({ tex, length: text.length });
  });

  test.each(["$5 and $6", "$5-$6", "$HOME/bin:$PATH", "$ x $", "$$", "$$ $$", "\\(\\)", "\\(never shut", "$two words$", "$a\n= b$"])("%j is none", (text) => {
    expect(formulaAt(text, 0)).toBeUndefined();
  });

  test("are drawn as MathML once their block is finished, and stand as written before", async () => {
    const box = document.createElement("div");
    const stream = new MarkdownStream(box, decorator(words));
    const text = "So \\(a_1 * b_1\\) it is.\n\n\\[ x^2 \\]\n\n$$\n- a\n$$\n";
    for (let end = 4; end <= 16; end += 1) {
      stream.set(text.slice(0, end), false);
      expect(box.textContent.trim()).toBe(text.slice(0, end).trim());
      expect(box.querySelector("em")).toBeNull();
    }
    stream.set(text, true);
    await vi.waitFor(() => expect(box.querySelectorAll("math")).toHaveLength(3), 10_000);
    expect(box.querySelectorAll('math[display="block"]')).toHaveLength(2);
    expect(box.querySelector("li")).toBeNull();
    expect(box.querySelector("[title]")?.getAttribute("title")).toBe("a_1 * b_1");
  });

  test("that are wrong, or want a link, a picture or a page's style, stay as they were written", () => {
    for (const tex of ["\\href{javascript:alert(1)}{x}", "\\url{https://a.example}", "\\includegraphics{https://a.example/x.png}", "\\class{evil}{x}", "\\style{color:red}{x}", "\\data{a=b}{x}", "\\id{a}{x}", "\\frac{", "\\nosuchcommand", "\\def\\a{\\a\\a}\\a"]) {
      expect(drawFormula(tex, false), tex).toBeUndefined();
    }
  });

  test("of every kind that models write are drawn", () => {
    for (const tex of [
      "\\frac{a}{b} + \\sqrt[3]{x}", "\\sum_{i=0}^{n} i^2", "\\begin{pmatrix} 1 & 0 \\\\ 0 & 1 \\end{pmatrix}", "\\int_0^\\infty e^{-x^2}\\,dx",
      "\\begin{cases} 1 & x > 0 \\\\ 0 & \\text{else} \\end{cases}", "\\begin{aligned} a &= b \\\\ &= c \\end{aligned}", "\\mathbb{R} \\to \\mathcal{F}",
      "\\hat{y} = \\vec{w} \\cdot \\overline{x}", "\\lim_{x \\to 0} \\frac{\\sin x}{x}", "\\boxed{42}", "\\color{red} x", "\\left( \\frac{1}{2} \\right)^2",
      "\\underbrace{a+b}_{c}", "P(A \\mid B)", "x \\in \\{1, 2\\}", "\\mathrm{H_2O}",
    ]) {
      expect(drawFormula(tex, true)?.localName, tex).toBe("math");
    }
  });

  test("nothing in a half-written one is closed or taken away", () => {
    expect(heal("so **it** is \\(a_1 *")).toContain("\\\\\\(a\\_1 \\*");
  });
});
