import type { MarkdownIt } from "markdown-it";
import type { Env } from "markdown-it";
import { draw } from "./draw";
import { heal } from "./heal";
import { createParser } from "./parser";

/** A top-level block whose text can no longer change its shape, and what was drawn for it. */
interface Block {
  start: number;
  source: string;
  nodes: ChildNode[];
  /** How many link definitions were known when it was drawn. */
  definitions: number;
}

/** A fence that is still open at the end of the text: new lines go straight into its last text node. */
interface OpenFence {
  marker: string;
  box: Element;
  code: Text;
  /** Where the line begins that is not finished yet, from the start of the tail. */
  line: number;
  /** What of the tail is drawn. */
  end: number;
}

/** Finishes freshly drawn blocks (copy buttons, link hosts). `closed` is false for what is drawn again with the next delta. */
export type Decorate = (fragment: DocumentFragment, closed: boolean) => void;

/** How much of a long text is looked at at a time. */
const LOOK = 16_000;
/** How long a piece of open code gets before the next one begins. */
const PIECE = 2000;

let shared: MarkdownIt | undefined;

/**
 * Draws a growing Markdown text into an element. Finished blocks are drawn once; only the open tail is drawn again.
 * The result does not depend on how the text was cut into pieces: `set(whole, true)` draws the same.
 */
export class MarkdownStream {
  readonly #parser: MarkdownIt;
  #source = "";
  #closed: Block[] = [];
  #tailStart = 0;
  #tail: ChildNode[] = [];
  #env: Env = {};
  #fence: OpenFence | undefined;
  #done = false;
  /** How much of the text is in sight, from its start. */
  #shown = 0;
  /** Where blocks end that are not drawn yet and cannot change any more. */
  #due: number[] = [];
  /** The last call stopped before all of its text was drawn. */
  #behind = false;

  constructor(
    readonly container: HTMLElement,
    readonly decorate: Decorate = () => undefined,
  ) {
    shared ??= createParser();
    this.#parser = shared;
  }

  /**
   * Draws `text`, which usually continues what was drawn before. `done` closes the last block. Stops between two blocks
   * once it has drawn `enough`, and says whether all of the text is drawn: if not, call it again.
   */
  set(text: string, done: boolean, enough: () => boolean = () => false): boolean {
    const source = text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
    if (source === this.#source && done === this.#done && !this.#behind) return true;
    if (this.#done || !source.startsWith(this.#source)) this.#rewind(source);
    this.#source = source;
    const tail = source.slice(this.#tailStart);
    if (!done && this.#appendToFence(tail)) {
      this.#shown = source.length;
      return true;
    }
    this.#fence = undefined;
    this.#behind = !this.#closeBlocks(done, enough);
    this.#done = done && !this.#behind;
    if (this.#behind) {
      this.#dropTail();
      return false;
    }
    this.#drawTail(source.slice(this.#tailStart), done);
    if (done) this.#resolveLateDefinitions();
    return true;
  }

  /** Keeps the blocks that the new text begins with. */
  #rewind(source: string): void {
    let keep = 0;
    for (const block of this.#closed) {
      if (!source.startsWith(block.source, block.start)) break;
      keep += 1;
    }
    // A block is closed by the line after it, so the last one that fits may still be open now.
    keep = Math.max(0, keep - 1);
    for (const block of this.#closed.splice(keep)) for (const node of block.nodes) node.remove();
    const last = this.#closed.at(-1);
    this.#tailStart = last ? last.start + last.source.length : 0;
    this.#fence = undefined;
    this.#source = source;
    this.#shown = this.#tailStart;
    this.#due = [];
    this.#env = {};
    for (const block of this.#closed) this.#parser.block.parse(block.source, this.#parser, this.#env, []);
  }

  /**
   * Moves every block of the tail that cannot change any more to the closed ones; false when it stopped before. What
   * was in sight is drawn anew in any case.
   */
  #closeBlocks(done: boolean, enough: () => boolean): boolean {
    for (let first = true; ; first = false) {
      if (this.#due.length === 0) this.#due = this.#ends(done);
      const end = this.#due[0];
      if (end === undefined) return true;
      if (!first && this.#tailStart >= this.#shown && enough()) return false;
      this.#due.shift();
      this.#closeBlock(this.#source.slice(this.#tailStart, end));
    }
  }

  /** Where the blocks of the tail end that cannot change any more. Of a long tail, those at its start. */
  #ends(done: boolean): number[] {
    const tail = this.#source.slice(this.#tailStart);
    const some = tail.length > 2 * LOOK ? this.#closable(tail.slice(0, LOOK), false) : [];
    return some.length > 0 ? some : this.#closable(tail, done);
  }

  #closable(tail: string, done: boolean): number[] {
    // A line that is not finished may turn out to continue the block before it.
    const complete = done ? tail : tail.slice(0, tail.lastIndexOf("\n") + 1);
    const { starts, shut } = this.#blocks(complete);
    const ends = [...starts.slice(1), complete.length].slice(0, starts.length);
    if (!done && !shut) ends.pop();
    return ends.map((end) => this.#tailStart + end);
  }

  #closeBlock(source: string): void {
    const fragment = draw(this.#parser.parse(source, this.#env));
    this.decorate(fragment, true);
    const nodes = [...fragment.childNodes];
    this.container.insertBefore(fragment, this.#tail[0] ?? null);
    this.#closed.push({ start: this.#tailStart, source, nodes, definitions: this.#definitions() });
    this.#tailStart += source.length;
  }

  #definitions(): number {
    return Object.keys(this.#env.references ?? {}).length;
  }

  /** Offsets of the top-level blocks, and whether the last one is finished whatever comes. */
  #blocks(source: string): { starts: number[]; shut: boolean } {
    const tokens: Parameters<MarkdownIt["block"]["parse"]>[3] = [];
    if (source !== "") this.#parser.block.parse(source, this.#parser, {}, tokens);
    const starts: number[] = [];
    let shut = false;
    let line = 0;
    let offset = 0;
    for (const token of tokens) {
      if (token.level !== 0 || token.nesting < 0 || !token.map) continue;
      while (line < token.map[0]) {
        offset = source.indexOf("\n", offset) + 1;
        line += 1;
      }
      starts.push(offset);
      shut = isShut(token.type, token.markup, source.slice(offset));
    }
    // Blank lines and link definitions before the first block belong to it.
    if (starts.length > 0) starts[0] = 0;
    return { starts, shut };
  }

  #dropTail(): void {
    for (const node of this.#tail) node.remove();
    this.#tail = [];
    this.#shown = this.#tailStart;
  }

  #drawTail(tail: string, done: boolean): void {
    const old = this.#tail;
    this.#tail = [];
    this.#shown = this.#source.length;
    if (tail !== "" && !done) {
      // Half-written link definitions must not outlive this frame.
      const env: Env = { references: { ...this.#env.references } };
      const fragment = draw(this.#parser.parse(heal(tail), env));
      this.#fence = openFence(tail, fragment);
      this.decorate(fragment, false);
      this.#tail = [...fragment.childNodes];
      this.container.insertBefore(fragment, old[0] ?? null);
    }
    for (const node of old) node.remove();
    if (tail !== "" && done) this.#closeBlock(tail);
  }

  /** The fast path of long code: no parsing, one text node grows. False when the fence may have ended. */
  #appendToFence(tail: string): boolean {
    const fence = this.#fence;
    if (!fence || !this.container.contains(fence.code)) return false;
    const closing = new RegExp(`^ {0,3}${fence.marker.charAt(0)}{${fence.marker.length},}[ \\t]*$`, "m");
    if (closing.test(tail.slice(fence.line))) return false;
    const added = tail.slice(fence.end);
    if (fence.code.length > PIECE && fence.code.data.endsWith("\n")) {
      // Short pieces: a browser lays a text node out as a whole.
      const piece = document.createElement("span");
      piece.className = "piece";
      fence.code = document.createTextNode(added);
      piece.append(fence.code);
      fence.box.append(piece);
    } else {
      fence.code.appendData(added);
    }
    fence.end = tail.length;
    fence.line = tail.lastIndexOf("\n") + 1;
    return true;
  }

  /** Blocks drawn before a definition they use was read are drawn again, once, at the end. */
  #resolveLateDefinitions(): void {
    const known = this.#definitions();
    for (const block of this.#closed) {
      if (block.definitions === known || !block.source.includes("[")) continue;
      const fragment = draw(this.#parser.parse(block.source, this.#env));
      this.decorate(fragment, true);
      const nodes = [...fragment.childNodes];
      const first = block.nodes[0];
      if (first) this.container.insertBefore(fragment, first);
      for (const node of block.nodes) node.remove();
      block.nodes = nodes;
      block.definitions = known;
    }
  }
}

/** Whether nothing that follows can change a block: its own end was read, or a blank line that ends it. */
function isShut(type: string, markup: string, source: string): boolean {
  switch (type) {
    case "hr":
    case "math_block":
      return true;
    case "heading_open":
      return markup.startsWith("#") || /\n[ \t]*\n$/.test(source);
    case "paragraph_open":
    case "blockquote_open":
    case "table_open":
      return /\n[ \t]*\n$/.test(source);
    case "fence": {
      const lines = source.trimEnd().split("\n");
      const last = lines.at(-1) ?? "";
      const closer = new RegExp(`^ {0,3}${markup.charAt(0)}{${markup.length},}$`);
      return lines.length > 1 && closer.test(last);
    }
    default:
      return false;
  }
}

/** The open fence that is all of the tail, where its lines may be appended as they are. */
function openFence(tail: string, fragment: DocumentFragment): OpenFence | undefined {
  const opening = /^(`{3,}|~{3,})[^\n]*\n/.exec(tail);
  const pre = fragment.firstElementChild;
  const only = fragment.children.length === 1 && pre?.tagName === "PRE";
  const code = pre?.querySelector("code")?.firstChild;
  if (!opening?.[1] || !only || !(code instanceof Text) || code.data !== tail.slice(opening[0].length)) return undefined;
  return { marker: opening[1], box: code.parentElement ?? pre, code, line: tail.lastIndexOf("\n") + 1, end: tail.length };
}
