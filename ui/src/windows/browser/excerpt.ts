import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { Link } from "../../state/session";

/** Messages in the page when a session opens: some screens of them. */
const FIRST = 24;
/** How many more come with each step. */
const STEP = 40;
/** More than this are never in the page at once; those at the other end leave. */
const MOST = 160;
/** An answer that brings nothing may be asked for again after this time. */
const ASK_AGAIN_MS = 2000;

/** The messages of the transcript that are in the page: a stretch of a conversation that may have fifty thousand. */
export class Excerpt {
  /** The last message of the stretch while it does not reach the newest. */
  readonly #until = signal<string | undefined>(undefined);
  readonly #count = signal(FIRST);
  #askedMs = -ASK_AGAIN_MS;
  #askedBefore: string | undefined;

  constructor(readonly link: Link) {}

  readonly #ends: ReadonlySignal<{ start: number; end: number }> = computed(() => {
    const { order } = this.link.model.transcript.value;
    const until = this.#until.value === undefined ? -1 : order.indexOf(this.#until.value);
    const end = until < 0 ? order.length : until + 1;
    return { start: Math.max(0, end - this.#count.value), end };
  });

  readonly shown: ReadonlySignal<readonly string[]> = computed(() => {
    const { start, end } = this.#ends.value;
    return this.link.model.transcript.value.order.slice(start, end);
  });

  /** There are older ones, here or on the gateway. */
  readonly hasEarlier: ReadonlySignal<boolean> = computed(() => this.#ends.value.start > 0 || this.link.model.transcript.value.hasOlder);
  readonly hasLater: ReadonlySignal<boolean> = computed(() => this.#ends.value.end < this.link.model.transcript.value.order.length);

  /** Widens the stretch when older messages come that were asked for. */
  start(): () => void {
    return effect(() => {
      const first = this.link.model.transcript.value.order[0];
      if (this.#askedBefore === undefined || first === this.#askedBefore) return;
      this.#askedBefore = undefined;
      this.#askedMs = -ASK_AGAIN_MS;
      this.#widen();
    });
  }

  earlier(): void {
    if (this.#ends.peek().start > 0) {
      this.#widen();
      return;
    }
    const { order, hasOlder } = this.link.model.transcript.peek();
    if (!hasOlder || performance.now() - this.#askedMs < ASK_AGAIN_MS) return;
    this.#askedMs = performance.now();
    this.#askedBefore = order[0];
    void this.link.ask({ type: "loadOlder", session: this.link.read });
  }

  later(): void {
    const { start, end } = this.#ends.peek();
    const { order } = this.link.model.transcript.peek();
    this.#put(Math.max(start, end + STEP - MOST), Math.min(order.length, end + STEP));
  }

  /** The newest, as when the session opens. */
  newest(): void {
    this.#until.value = undefined;
    this.#count.value = FIRST;
  }

  /** Takes a message in, with what is around it; false when it is not known. */
  include(message: string): boolean {
    const { order } = this.link.model.transcript.peek();
    const at = order.indexOf(message);
    if (at < 0) return false;
    if (!this.shown.peek().includes(message)) this.#put(Math.max(0, at - STEP / 2), Math.min(order.length, at + STEP / 2));
    return true;
  }

  #widen(): void {
    const { start, end } = this.#ends.peek();
    const from = Math.max(0, start - STEP);
    this.#put(from, Math.min(end, from + MOST));
  }

  #put(start: number, end: number): void {
    const { order } = this.link.model.transcript.peek();
    this.#until.value = end === order.length ? undefined : order[end - 1];
    this.#count.value = end - start;
  }
}
