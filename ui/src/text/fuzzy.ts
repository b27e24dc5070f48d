/** A match: how good (higher is better) and which UTF-16 positions matched. */
export interface Match {
  score: number;
  positions: number[];
}

const START = 12;
const WORD_START = 8;
const CONSECUTIVE = 6;

/** Lists are looked through with every key, and their words stay the same. */
const folds = new Map<string, string>();
const FOLDS = 50_000;

function fold(text: string): string {
  let folded = folds.get(text);
  if (folded === undefined) {
    folded = folding(text);
    if (folds.size >= FOLDS) folds.clear();
    folds.set(text, folded);
  }
  return folded;
}

/** Folded for comparison: case and accents do not count. The length stays the same, so positions hold. */
function folding(text: string): string {
  let folded = "";
  for (const unit of text.split("")) {
    const plain = unit.normalize("NFD").charAt(0).toLowerCase();
    folded += plain.length === 1 ? plain : unit;
  }
  return folded;
}

function isWordStart(text: string, at: number): boolean {
  if (at === 0) return true;
  return /[\s\-_/.:#@›·]/.test(text.charAt(at - 1));
}

/** Matches the letters of `query` in order in `text`; runs and word starts weigh more. `undefined` when it does not match. */
export function fuzzy(query: string, text: string): Match | undefined {
  const wanted = fold(query.trim());
  if (wanted === "") return { score: 0, positions: [] };
  const folded = fold(text);
  const whole = folded.indexOf(wanted);
  if (whole >= 0) {
    const positions = Array.from(wanted, (_, index) => whole + index).slice(0, wanted.length);
    const score = wanted.length * (CONSECUTIVE + 2) + (whole === 0 ? START : isWordStart(text, whole) ? WORD_START : 0);
    return { score: score * 2 - text.length / 100, positions };
  }
  let best: Match | undefined;
  // A query's first letter may occur many times; a few starts are enough to find a good run.
  for (let start = folded.indexOf(wanted.charAt(0)), tries = 0; start >= 0 && tries < 8; tries += 1) {
    const match = from(wanted, folded, text, start);
    if (match && (!best || match.score > best.score)) best = match;
    start = folded.indexOf(wanted.charAt(0), start + 1);
  }
  return best;
}

function from(wanted: string, folded: string, text: string, start: number): Match | undefined {
  const positions: number[] = [];
  let score = 0;
  let at = start;
  for (let index = 0; index < wanted.length; index += 1) {
    const letter = wanted.charAt(index);
    if (letter === " ") continue;
    let found = folded.indexOf(letter, at);
    if (found < 0) return undefined;
    // Prefer the start of a later word over a letter in the middle of this one.
    if (found !== at) {
      for (let other = found; other >= 0 && other - found < 24; other = folded.indexOf(letter, other + 1)) {
        if (isWordStart(text, other)) {
          found = restFits(wanted, index, folded, other) ? other : found;
          break;
        }
      }
    }
    if (positions.length > 0 && found === at) score += CONSECUTIVE;
    if (isWordStart(text, found)) score += WORD_START;
    score += 1 - Math.min(found - at, 10) / 20;
    positions.push(found);
    at = found + 1;
  }
  return { score: score - text.length / 100, positions };
}

function restFits(wanted: string, index: number, folded: string, from: number): boolean {
  let at = from;
  for (const letter of wanted.slice(index)) {
    if (letter === " ") continue;
    const found = folded.indexOf(letter, at);
    if (found < 0) return false;
    at = found + 1;
  }
  return true;
}

/** The items that match, best first; with an empty query all of them in their own order. */
export function rank<Item>(
  query: string,
  items: readonly Item[],
  text: (item: Item) => string,
  bonus: (item: Item) => number = () => 0,
): { item: Item; match: Match }[] {
  const ranked: { item: Item; match: Match; index: number }[] = [];
  items.forEach((item, index) => {
    const match = fuzzy(query, text(item));
    if (match) ranked.push({ item, match, index });
  });
  if (query.trim() === "") return ranked;
  return ranked.sort((a, b) => b.match.score + bonus(b.item) - a.match.score - bonus(a.item) || a.index - b.index);
}
