import { formulaAt, opensFormula } from "./formulas";

/** Marks do not reach further back than this; the work for a delta must not grow with the text. */
const REACH = 2000;
/** Marks within marks that are taken back one after the other. */
const DEPTH = 12;

/**
 * Closes what is half open at the end of a text that still arrives, so that it is drawn as it will most likely be: bold
 * words as bold before their closing stars are there, a link by its words, a table from its head on. Pure and only for
 * drawing: the text itself stays as it is, and the last drawing is of the whole text alone.
 */
export function heal(tail: string): string {
  if (tail === "" || endsInFence(tail)) return tail;
  const near = tail.length > REACH ? tail.indexOf("\n", tail.length - REACH) + 1 : 0;
  const at = Math.max(lastBlock(tail), near);
  const before = tail.slice(0, at);
  const table = healTable(tail.slice(at));
  if (table !== undefined) return before + table;
  return before + healInline(healLine(tail.slice(at)));
}

/** Where the block begins that is still being written. */
function lastBlock(tail: string): number {
  const blank = /\n[ \t]*\n/g;
  let at = 0;
  for (let found = blank.exec(tail); found; found = blank.exec(tail)) {
    if (tail.slice(found.index).trim() !== "") at = found.index + found[0].length;
    blank.lastIndex = found.index + 1;
  }
  return at;
}

function endsInFence(tail: string): boolean {
  let open: string | undefined;
  for (const line of tail.split("\n")) {
    const fence = /^ {0,3}(?:[-*+] +|\d+[.)] +|> ?)* {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    if (!fence?.[1]) continue;
    if (open === undefined) {
      // A fence of backticks has none in its info; then it is a code span.
      if (!(fence[1].startsWith("`") && fence[2]?.includes("`"))) open = fence[1];
    } else if (fence[1].startsWith(open) && fence[2]?.trim() === "") {
      open = undefined;
    }
  }
  return open !== undefined;
}

const cells = (row: string): number => row.trim().replace(/^\|/, "").replace(/\|$/, "").split("|").length;

/** A head without its rule is not a table yet, and one with half a rule is a paragraph full of dashes. */
function healTable(block: string): string | undefined {
  const [head = "", rule, ...rest] = block.split("\n");
  if (rest.length > 0 || !/^ {0,3}\|.*\|/.test(head)) return undefined;
  if (rule !== undefined && !/^[\s|:-]*$/.test(rule)) return undefined;
  return `${head}\n${"|---".repeat(cells(head))}|`;
}

/** The last line, where it may still become something else: a rule, a heading, an item. */
function healLine(block: string): string {
  const at = block.lastIndexOf("\n") + 1;
  const line = block.slice(at);
  const unclear = /^ {0,3}(?:#{1,6}|[-*+]|\d{1,9}[.)])[ \t]*$/.test(line) || (at > 0 && /^ {0,3}(?:-{1,2}|=+)[ \t]*$/.test(line));
  if (unclear) return block.slice(0, Math.max(0, at - 1));
  // An item whose box is half there.
  return block.slice(0, at) + line.replace(/^(\s*(?:[-*+]|\d{1,9}[.)]) +)\[[ xX]?$/, "$1");
}

const MARKS = ["**", "__", "~~", "*", "_"] as const;
type Mark = (typeof MARKS)[number];

const isSpace = (letter: string | undefined): boolean => letter === undefined || /\s/.test(letter);
const isWord = (letter: string | undefined): boolean => letter !== undefined && /[\p{L}\p{N}]/u.test(letter);

/** Bold, italic, struck, code and links that are open at the end. */
function healInline(block: string, depth = 0): string {
  if (depth > DEPTH || block.length > 2 * REACH) return block;
  const open: { mark: Mark; at: number }[] = [];
  let code: { run: string; at: number } | undefined;
  let bracket = -1;
  let at = 0;
  while (at < block.length) {
    const letter = block[at];
    const formula = code === undefined ? formulaAt(block, at) : undefined;
    if (formula) {
      at += formula.length;
      continue;
    }
    if (code === undefined && opensFormula(block, at)) {
      // Until a formula ends it is shown as it is written.
      const before = healInline(block.slice(0, at), depth + 1);
      return before + block.slice(at).replace(/[!-/:-@[-`{-~]/g, "\\$&");
    }
    if (letter === "\\") {
      at += 2;
      continue;
    }
    if (letter === "`") {
      const run = /^`+/.exec(block.slice(at))?.[0] ?? "`";
      if (code === undefined) code = { run, at };
      else if (code.run === run) code = undefined;
      at += run.length;
      continue;
    }
    if (code !== undefined) {
      at += 1;
      continue;
    }
    if (letter === "[") bracket = at;
    if (letter === "]" && bracket >= 0) {
      const target = /^\]\([^)\n]*$/.exec(block.slice(at));
      if (target) {
        // The words of the link are there, its address is not.
        const from = block[bracket - 1] === "!" ? bracket - 1 : bracket;
        return healInline(block.slice(0, from) + block.slice(bracket + 1, at), depth + 1);
      }
      bracket = -1;
    }
    const mark = MARKS.find((each) => block.startsWith(each, at));
    if (mark === undefined) {
      at += 1;
      continue;
    }
    const [before, after] = [block[at - 1], block[at + mark.length]];
    const last = open.findLastIndex((each) => each.mark === mark);
    const closes = last >= 0 && !isSpace(before) && !(mark.startsWith("_") && isWord(after));
    const bullet = mark === "*" && isSpace(after) && after !== undefined;
    if (closes) open.splice(last);
    else if (!bullet && (after === undefined || !isSpace(after)) && !(mark.startsWith("_") && isWord(before))) open.push({ mark, at });
    at += mark.length;
  }
  if (code !== undefined) {
    const inside = block.slice(code.at + code.run.length);
    if (inside.trim() === "") return healInline(block.slice(0, code.at), depth + 1);
    // The closing run may be half there.
    return closed(inside.endsWith("`") ? block.replace(/`+$/, "") : block, code.run, open);
  }
  if (bracket >= 0 && !block.slice(bracket).includes("\n")) {
    const from = block[bracket - 1] === "!" ? bracket - 1 : bracket;
    return healInline(block.slice(0, from) + block.slice(bracket + 1), depth + 1);
  }
  const newest = open.at(-1);
  // Marks with nothing behind them yet say nothing.
  if (newest && block.slice(newest.at + newest.mark.length).trim() === "") return healInline(block.slice(0, newest.at), depth + 1);
  return open.length === 0 ? block : closed(block, "", open);
}

function closed(block: string, code: string, open: readonly { mark: Mark }[]): string {
  const words = code === "" ? block.trimEnd() : block;
  return words + code + [...open].reverse().map(({ mark }) => mark).join("") + block.slice(words.length);
}
