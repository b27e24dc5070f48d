import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { ModelView } from "../../api/ModelView";
import type { SearchHit } from "../../api/SearchHit";
import type { SessionView } from "../../api/SessionView";
import { Composer } from "../../state/composer";
import { agentName } from "../../state/lists";
import type { Link } from "../../state/session";
import type { Strings } from "../../strings";
import { copyText } from "../../text/clipboard";
import { daysBetween } from "../../text/format";

export type Filter = "all" | "unread" | "running" | "needs-you" | "archived";
export const FILTERS: readonly Filter[] = ["all", "unread", "running", "needs-you"];

/** A line of the list: the head of a group, or a session. */
export type Line = { head: string; pinned: boolean } | { session: SessionView };

const SEARCH_DELAY_MS = 40;
const HITS = 30;

/** Everything the session browser does, apart from drawing. */
export class Browser {
  readonly composer: Composer;
  readonly filter = signal<Filter>("all");
  readonly palette = signal(false);
  readonly query = signal("");
  readonly hits = signal<readonly SearchHit[]>([]);
  readonly panel = signal(true);
  readonly menu = signal(false);
  readonly renaming = signal(false);
  /** What waits for its confirmation. */
  readonly asking = signal<"reset" | "delete" | undefined>(undefined);
  readonly confirming = signal<string | undefined>(undefined);
  readonly models = signal<readonly ModelView[]>([]);
  chooseFiles: () => void = () => undefined;

  readonly sessions: ReadonlySignal<readonly SessionView[]>;
  readonly current: ReadonlySignal<SessionView | undefined>;
  readonly needsYou: ReadonlySignal<number>;
  #searchTimer: ReturnType<typeof setTimeout> | undefined;
  #search = 0;

  constructor(readonly link: Link) {
    this.composer = new Composer(link);
    const { parts } = link.model;
    this.sessions = computed(() => parts.sessions.value.filter((session) => fits(session, this.filter.value)));
    this.current = computed(() => parts.sessions.value.find((session) => session.key === parts.target.value.session));
    this.needsYou = computed(() => parts.sessions.value.filter((session) => session.needsApproval).length);
  }

  start(): () => void {
    const stops = [
      this.composer.start(),
      this.link.model.onSignal((event) => {
        if (event.type === "hidden") this.composer.flushDraft();
        if (event.type === "prefill") this.composer.write(event.text);
        if (event.type === "reveal") reveal(event.message);
      }),
      // What is being looked at is read.
      effect(() => {
        const session = this.current.value;
        if (session?.unread === true && document.visibilityState === "visible") {
          this.link.tell({ type: "markRead", session: session.key });
        }
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  get agent(): string {
    const { target, agents } = this.link.model.parts;
    return agentName(agents.value, target.value.agent);
  }

  focus(): void {
    this.composer.focus();
  }

  decide(id: string, decision: string): void {
    this.confirming.value = undefined;
    void this.link.ask({ type: "resolveApproval", id, decision });
    this.focus();
  }

  open(session: string, message?: string): void {
    this.palette.value = false;
    if (session !== this.link.model.parts.target.value.session) void this.link.ask({ type: "setTarget", session });
    if (message === undefined) return;
    // The messages of another session come with the next update.
    const stop = effect(() => {
      const { session: shown, order } = this.link.model.transcript.value;
      if (shown !== session || !order.includes(message)) return;
      queueMicrotask(() => stop());
      requestAnimationFrame(() => reveal(message));
    });
  }

  newSession(): void {
    this.palette.value = false;
    void this.link.ask({ type: "newSession", agent: this.link.model.parts.target.value.agent || undefined });
    this.focus();
  }

  /** Looks in all sessions; an answer that comes after the next question is dropped. */
  search(query: string): void {
    this.query.value = query;
    clearTimeout(this.#searchTimer);
    this.#search += 1;
    const asked = this.#search;
    if (query.trim() === "") {
      this.hits.value = [];
      return;
    }
    this.#searchTimer = setTimeout(() => {
      void this.link.ask<SearchHit[]>({ type: "search", query: query.trim(), limit: HITS }).then((answer) => {
        if (asked === this.#search && Array.isArray(answer)) this.hits.value = answer;
      });
    }, SEARCH_DELAY_MS);
  }

  // What can be done with the session that is shown

  pin(): void {
    const session = this.current.value;
    if (session) void this.link.ask({ type: "pinSession", session: session.key, pinned: !session.pinned });
  }

  mute(): void {
    const session = this.current.value;
    if (session) void this.link.ask({ type: "muteSession", session: session.key, muted: !session.muted });
  }

  archive(): void {
    const session = this.current.value;
    if (session) void this.link.ask({ type: "archiveSession", session: session.key, archived: !session.archived });
  }

  rename(label: string): void {
    this.renaming.value = false;
    const session = this.current.value;
    if (session && label.trim() !== session.title) void this.link.ask({ type: "renameSession", session: session.key, label: label.trim() });
  }

  compact(): void {
    const session = this.current.value;
    if (session) void this.link.ask({ type: "compactSession", session: session.key });
  }

  fork(): void {
    const session = this.current.value;
    if (!session) return;
    void this.link.ask<{ session: string }>({ type: "forkSession", session: session.key }).then((answer) => {
      if (answer?.session) this.open(answer.session);
    });
  }

  export(format: "markdown" | "json"): void {
    const session = this.current.value;
    if (!session) return;
    void this.link.ask<{ text: string }>({ type: "exportSession", session: session.key, format }).then((answer) => {
      if (answer?.text) void copyText(answer.text);
    });
  }

  confirm(): void {
    const session = this.current.value;
    const what = this.asking.value;
    this.asking.value = undefined;
    if (session && what === "delete") void this.link.ask({ type: "deleteSession", session: session.key });
    if (session && what === "reset") void this.link.ask({ type: "resetSession", session: session.key });
  }
}

function reveal(message: string): void {
  document.getElementById(`message-${message}`)?.scrollIntoView({ block: "center" });
}

export function fits(session: SessionView, filter: Filter): boolean {
  if (filter === "archived") return session.archived;
  if (session.archived) return false;
  if (filter === "unread") return session.unread;
  if (filter === "running") return session.running;
  return filter === "all" || session.needsApproval;
}

/** Pinned first, then by the day of the last message. Sessions come in with the newest first. */
export function group(sessions: readonly SessionView[], nowMs: number, words: Strings): Line[] {
  const lines: Line[] = [];
  const pinned = sessions.filter((session) => session.pinned);
  if (pinned.length > 0) lines.push({ head: words.pinned, pinned: true }, ...pinned.map((session) => ({ session })));
  let head = "";
  for (const session of sessions) {
    if (session.pinned) continue;
    const days = daysBetween(session.updatedAtMs, nowMs);
    const next = days <= 0 ? words.today : days === 1 ? words.yesterday : days < 7 ? words.thisWeek : words.older;
    if (next !== head) lines.push({ head: next, pinned: false });
    head = next;
    lines.push({ session });
  }
  return lines;
}
