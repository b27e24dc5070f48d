/** Letters of scripts that are written from right to left. */
const RTL = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Samaritan}\p{Script=Mandaic}\p{Script=Adlam}]/u;
/** The first letter decides: digits, punctuation and emoji have no direction of their own. */
const LETTER = /\p{L}/u;
const BLOCKS = "p, h1, h2, h3, h4, h5, h6, ul, ol, li, blockquote, table, th, td";

type Direction = "ltr" | "rtl";

/** The direction of a text: that of its first letter. `undefined` where there is no letter. */
export function directionOf(text: string): Direction | undefined {
  const letter = LETTER.exec(text)?.[0];
  if (letter === undefined) return undefined;
  return RTL.test(letter) ? "rtl" : "ltr";
}

/**
 * Gives each block its own direction, and code the direction of code. Text in which nothing is written from right to
 * left gets no attribute: it stays as the page has it. The first letter of a block does not change while the block
 * grows, so that nothing turns around under the reader's eyes.
 */
export function setDirections(fragment: DocumentFragment): void {
  if (!RTL.test(fragment.textContent)) return;
  for (const block of fragment.querySelectorAll(BLOCKS)) {
    const direction = directionOf(wordsOf(block));
    const around: Direction = block.parentElement?.closest("[dir]")?.getAttribute("dir") === "rtl" ? "rtl" : "ltr";
    if (direction !== undefined && direction !== around) block.setAttribute("dir", direction);
  }
  for (const code of fragment.querySelectorAll("pre, :not(pre) > code")) code.setAttribute("dir", "ltr");
}

/** A block's text without its code, up to the first letter. */
function wordsOf(block: Element): string {
  const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.nodeValue ?? "";
    if (LETTER.test(text) && !node.parentElement?.closest("code")) return text;
  }
  return "";
}
