/** Texts for the tests of this folder. */
export const DOCUMENTS: Record<string, string> = {
  paragraphs: "One line\nand its lazy next.\n\nTwo *with* **stress** and `code`.\n",
  headings: "# One\nText\n## Two ##\n\nSetext\n===\nOther\n---\nEnd\n",
  "half a heading": "Text\n#nospace\n# Real\n#\n",
  lists: "- a\n- b\n\n  more b\n- c\n\n1. one\n2. two\n   - deep\n     - deeper\n\nafter\n",
  "loose and tight": "* a\n\n* b\n* c\n\ntext\n\n+ d\n+ e\n",
  "rules and lists": "a\n\n---\n\n- - -\n\n* * *\n- x\n***\n- y\n",
  fences: "```js\nconst a = '```';\n```\ntext\n~~~~\n```\n~~~\n~~~~\n",
  "open fence": "Look:\n\n```py\nprint('hi')\n\nprint(2)",
  "fence after text": "text\n```\ncode\n```\ntext",
  "indented code": "text\n\n    code\n\n\n    more\n\ntext\n",
  quotes: "> a\n> b\nlazy\n\n> c\n> > d\n>\n> - e\n\nf\n",
  tables: "| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 |\n\nx\n\na | b\n-|-\n1 | 2\ntext\n",
  "not a table": "| a | b |\n\n|---|\n\ntext | more\n--\n",
  tasks: "- [ ] open\n- [x] done\n  - [X] deep\n- [] none\n",
  links: "[a](https://a.example) <https://b.example> https://c.example/d?e=f. ![alt](https://i.example/x.png)\n",
  references: "[x]: https://x.example 'T'\n\nText [x] and [y][x].\n\n[z]: <https://z.example>\n\n[z]\n",
  html: "<b>no</b>\n\n<script>alert(1)</script>\n\n<!-- c -->\n\n<div>\n\ntext\n",
  escapes: "\\*no\\* \\` &amp; &lt; &#35; a  \nbreak\\\nbreak\n",
  "hard cases": "- a\n -b\n  - c\n\n\n\n1986\\. x\n14. list\n15. list\n\n***bold** and*\n",
  "blank lines": "\n\n\na\n\n\n\n\nb\n\n\n",
  "carriage returns": "a\r\nb\r\n\r\n- c\r\n- d\r\n\r\n```\r\nx\r\n```\r\n",
  "lines of a chat": "Mon: rain\nTue: sun\nWed: snow\n\n- one\n  two\n\n> a\n> b\n",
  "bold beside CJK punctuation": "**注意：**请先备份。\n\nテスト**「強調」**です\n\n**강조(테스트)**는\n\n*（斜体）*字，~~（删）~~除\n",
  "right to left": "שלום `cargo run` עולם\n\n- פריט `a.rs`\n- פריט שני\n- three\n\n> مرحبا\n\n| א | b |\n|---|---|\n| ג | d |\n\n# כותרת\n\nEnglish again\n",
  formulas:
    "Inline \\(a_1 * b_1\\) and $x^2$ cost $5 and $6, $$a*b*c$$ too.\n\n\\[ x^2 \\]\n\n$$\n- a\n= b\n$$\nafter\n\n- \\(y\\)\n\n  $$\n  z\n  $$\n\n> $$ q $$\n\n$$\nopen\n- end\n",
  "escapes that are no formulas": "\\[1\\] a note, \\[2\\](x) \\* $HOME/bin:$PATH `\\(code\\)` $ x $ US$5 and A$6\n\n    \\[ code \\]\n",
  paths: "[report](/srv/report.md) and [x](./a.rs:12), ![plot](/srv/plot.png), [no](javascript:x)\n",
  unicode: "日本語の**強調**です。\n\n😀 *emoji* — “quotes”…\n",
  everything:
    "# Title\n\nText with [link](https://e.example/x) and `code`.\n\n- [x] a\n- [ ] b\n\n```rust src/main.rs\nfn main() {}\n```\n\n| a | b |\n|--:|---|\n| 1 | 2 |\n\n> quote\n\n![pic](https://i.example/p.png)\n\n1. one\n2. two\n",
};

/** A small repeatable random source (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const PIECES = [
  "word", "two words", "\n", "\n", "\n\n", "\n\n", "- ", "* ", "1. ", "2) ", "    ", "  ", "\t", "> ", "# ", "## ", "#", "---", "===",
  "***", "```", "```js\n", "~~~", "`", "*", "**", "_", "~~", "|", "| a | b |\n|---|---|\n", "|---|", "[x]", "[x]: https://x.example\n",
  "[y](https://y.example)", "![i](https://i.example)", "https://z.example", "<b>", "<!--", "\\", "&amp;", "$", "$$", "$$\n", "\\(", "\\)", "\\[\n", "\\]\n", "- [ ] ", "- [x] ", "日本", "😀",
];

/** A text made of what Markdown stumbles over. */
export function randomMarkdown(random: () => number): string {
  const count = 3 + Math.floor(random() * 40);
  let text = "";
  for (let index = 0; index < count; index += 1) text += PIECES[Math.floor(random() * PIECES.length)] ?? "";
  return text;
}
