import type { MarkdownIt } from "markdown-it";

/** Longer ones are shown as they were written: drawing them costs more than they tell. */
const LONGEST = 4000;

/** A formula within a line, and how many characters of the source it takes. */
interface Found {
  tex: string;
  length: number;
}

/** Finds a formula that begins at `at`: `\(…\)`, `$$…$$`, or `$…$` where that cannot be money or a shell variable. */
export function formulaAt(source: string, at: number): Found | undefined {
  if (source.startsWith("\\(", at)) return between(source, at, "\\(", "\\)");
  if (source.startsWith("$$", at)) return between(source, at, "$$", "$$");
  if (source[at] !== "$" || isWord(source[at - 1]) || source[at - 1] === "$") return undefined;
  const found = between(source, at, "$", "$");
  if (!found || found.tex.trim() !== found.tex || found.tex.includes("\n")) return undefined;
  if (isWord(source[at + found.length])) return undefined;
  return /[\\^_={}<>+*/|]/.test(found.tex) || /^[A-Za-z]\w{0,2}$/.test(found.tex) ? found : undefined;
}

/** Whether a formula that begins at `at` may still be under way at the end of the text. `$` alone may be money. */
export function opensFormula(source: string, at: number): boolean {
  return (source.startsWith("\\(", at) || source.startsWith("$$", at)) && formulaAt(source, at) === undefined;
}

function between(source: string, at: number, open: string, close: string): Found | undefined {
  const from = at + open.length;
  const end = source.indexOf(close, from);
  const tex = source.slice(from, end);
  if (end < 0 || tex.trim() === "" || tex.length > LONGEST || /\n[ \t]*\n/.test(tex)) return undefined;
  return { tex, length: end + close.length - at };
}

function isWord(letter: string | undefined): boolean {
  return letter !== undefined && /[\p{L}\p{N}]/u.test(letter);
}

const PAIRS: readonly (readonly [open: string, close: string])[] = [
  ["\\[", "\\]"],
  ["$$", "$$"],
];

/**
 * Formulas as tokens: `math_inline` and `math_block`, with the TeX as their content and the text as it was written as their
 * markup. In the gateway's own web page and in what models write, `\(…\)` and `\[…\]` are as common as dollars.
 */
export function formulas(markdown: MarkdownIt): void {
  markdown.inline.ruler.before("escape", "math", (state, silent) => {
    const found = formulaAt(state.src, state.pos);
    if (!found) return false;
    if (!silent) {
      const token = state.push("math_inline", "", 0);
      token.content = found.tex;
      token.markup = state.src.slice(state.pos, state.pos + found.length);
    }
    state.pos += found.length;
    return true;
  });
  markdown.block.ruler.before(
    "fence",
    "math",
    (state, startLine, endLine, silent) => {
      const lineAt = (line: number): string => state.src.slice((state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0), state.eMarks[line]).trimEnd();
      if ((state.sCount[startLine] ?? 0) - state.blkIndent >= 4) return false;
      const first = lineAt(startLine);
      const pair = PAIRS.find(([open]) => first.startsWith(open));
      if (!pair) return false;
      const [open, close] = pair;
      const here = first.slice(open.length);
      // Something stands behind the end on the same line: part of a sentence.
      if (here.includes(close) && here.indexOf(close) !== here.length - close.length) return false;
      let line = startLine;
      let shut = here.endsWith(close);
      while (!shut && line + 1 < endLine && lineAt(line + 1) !== "" && (state.sCount[line + 1] ?? 0) >= state.blkIndent) {
        line += 1;
        shut = lineAt(line).endsWith(close);
      }
      const lines = [here];
      for (let at = startLine + 1; at <= line; at += 1) lines.push(lineAt(at));
      const inside = lines.join("\n");
      const tex = shut ? inside.slice(0, -close.length) : inside;
      if (shut && (tex.trim() === "" || tex.length > LONGEST)) return false;
      if (silent) return true;
      // One that has no end is shown as it was written, and nothing in it is taken for a list or a heading meanwhile.
      const token = state.push(shut ? "math_block" : "math_open_end", "", 0);
      token.block = true;
      token.content = tex;
      token.markup = open + inside;
      token.map = [startLine, line + 1];
      state.line = line + 1;
      return true;
    },
    { alt: ["paragraph", "reference", "blockquote", "list"] },
  );
}
