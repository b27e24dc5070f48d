import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { SearchHit } from "../../api/SearchHit";
import { type Link, sameSession } from "../../state/session";

const DELAY_MS = 80;
const OLDER_HITS = 200;

/**
 * Looks for words in the session that is shown: in what is in the window at once, and through the app's search in what
 * is older. The oldest hit is the first, and one begins at the newest.
 */
export class Find {
  readonly open = signal(false);
  readonly query = signal("");
  readonly at = signal(-1);
  readonly #older = signal<readonly string[]>([]);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  /** Messages with a hit, oldest first. */
  readonly hits: ReadonlySignal<readonly string[]>;

  constructor(
    readonly link: Link,
    readonly reveal: (message: string) => void,
  ) {
    this.hits = computed(() => {
      const query = this.query.value.trim().toLowerCase();
      if (query === "") return [];
      const { model } = link;
      const { order } = model.transcript.value;
      const here = order.filter((id) => model.cell(id)?.text.value.toLowerCase().includes(query));
      const known = new Set(order);
      return [...this.#older.value.filter((id) => !known.has(id)), ...here];
    });
  }

  start(): void {
    this.open.value = true;
  }

  close(): boolean {
    if (!this.open.peek()) return false;
    this.open.value = false;
    this.look("");
    return true;
  }

  look(query: string): void {
    this.query.value = query;
    this.#older.value = [];
    this.at.value = -1;
    clearTimeout(this.#timer);
    this.#asked += 1;
    const asked = this.#asked;
    if (query.trim() === "") return;
    this.#timer = setTimeout(() => {
      this.#toNewest();
      const { gateway, session, hasOlder } = this.link.model.transcript.peek();
      if (!hasOlder) return;
      this.link.host.request({ type: "search", gateway, query: query.trim(), session, limit: OLDER_HITS }).then(
        (answer) => {
          if (asked !== this.#asked || !Array.isArray(answer)) return;
          const hits = (answer as SearchHit[]).filter((hit) => sameSession(hit.session, { gateway, session }));
          hits.sort((a, b) => a.atMs - b.atMs);
          const current = this.hits.peek()[this.at.peek()];
          this.#older.value = hits.flatMap((hit) => hit.message ?? []);
          this.at.value = current === undefined ? -1 : this.hits.peek().indexOf(current);
          if (this.at.peek() < 0) this.#toNewest();
        },
        () => undefined,
      );
    }, DELAY_MS);
  }

  #toNewest(): void {
    const hits = this.hits.peek();
    if (hits.length > 0) this.#go(hits.length - 1);
  }

  /** The next newer (1) or older (-1) hit, and around. */
  step(by: 1 | -1): void {
    const { length } = this.hits.peek();
    if (length > 0) this.#go((Math.max(0, this.at.peek()) + by + length) % length);
  }

  #go(at: number): void {
    this.at.value = at;
    const message = this.hits.peek()[at];
    if (message !== undefined) this.reveal(message);
  }
}

const MARK = "found";
const MARKS = 2000;

/** Marks words in a part of what lies below `root` until the answer is called, those too that are drawn later. */
export function keepMarked(root: Element | null | undefined, part: string, query: string): () => void {
  if (!root || query.trim() === "") return () => undefined;
  let frame = 0;
  const again = (): void => mark(root.querySelector(part), query);
  // Answers grow, code gets its colours, another session comes.
  const drawn = new MutationObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(again);
  });
  drawn.observe(root, { childList: true, characterData: true, subtree: true });
  again();
  return () => {
    drawn.disconnect();
    cancelAnimationFrame(frame);
    mark(null, "");
  };
}

/** Marks the words in the page, where the browser can mark without changing it. */
function mark(root: Element | null, query: string): void {
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- WebKit before 17.2 has none
  if (typeof Highlight === "undefined" || !CSS.highlights) return;
  CSS.highlights.delete(MARK);
  const wanted = query.trim().toLowerCase();
  if (!root || wanted === "") return;
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null && ranges.length < MARKS; node = walker.nextNode()) {
    const text = (node.textContent ?? "").toLowerCase();
    // A letter whose small form is longer would move what comes after it.
    if (text.length !== (node.textContent ?? "").length) continue;
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      ranges.push(range);
    }
  }
  if (ranges.length > 0) CSS.highlights.set(MARK, new Highlight(...ranges));
}
