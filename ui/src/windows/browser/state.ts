import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { ApprovalView } from "../../api/ApprovalView";
import type { ModelView } from "../../api/ModelView";
import type { Request } from "../../api/Request";
import type { SearchHit } from "../../api/SearchHit";
import type { SessionRef } from "../../api/SessionRef";
import type { SessionView } from "../../api/SessionView";
import { Composer } from "../../state/composer";
import { agentId, agentName } from "../../state/lists";
import { type Link, sameSession } from "../../state/session";
import { announce } from "../../state/announce";
import { t } from "../../strings";
import { copyText } from "../../text/clipboard";
import { type Match, rank } from "../../text/fuzzy";
import { Excerpt } from "./excerpt";
import { Find } from "./find";
import { Panels, type Tab } from "./panels";
import { choose, EVERYTHING, type Selection } from "./rows";

/** Nothing, or one letter of those that every message has. A single character of other scripts is a word. */
const SAYS_NOTHING = /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{N}\p{P}]?$/u;
/** How long the next search waits for the answer to the one before. */
const SEARCH_PAUSE_MS = 50;
const HITS = 30;
const FOUND_SESSIONS = 6;
const DAY_MS = 86_400_000;
/** What the search keeps to. */
export interface SearchScope {
  /** Empty: all. */
  agent: string;
  /** Only the session that is shown. */
  here: boolean;
  /** Only the last days; 0: any time. */
  days: number;
}

/** Something that cannot be taken back, about one session: that which was shown when it was asked for. */
export interface Asked {
  what: "reset" | "delete";
  session: SessionRef;
  title: string;
}

/** Everything the session browser does, apart from drawing. */
export class Browser {
  readonly composer: Composer;
  readonly selection = signal<Selection>(EVERYTHING);
  /** The list lies over the conversation (narrow windows). */
  readonly drawer = signal(false);
  readonly listOptions = signal(false);
  readonly gatewayMenu = signal(false);
  readonly scope = signal<SearchScope>({ agent: "", here: false, days: 0 });
  readonly panels: Panels;
  readonly find: Find;
  /** The messages that are in the page. */
  readonly excerpt: Excerpt;
  readonly palette = signal(false);
  readonly query = signal("");
  readonly hits = signal<readonly SearchHit[]>([]);
  readonly panel = signal(true);
  readonly menu = signal(false);
  /** The session whose name is being written. */
  readonly renaming = signal<SessionRef | undefined>(undefined);
  /** What waits for its confirmation. */
  readonly asking = signal<Asked | undefined>(undefined);
  readonly confirming = signal<string | undefined>(undefined);
  readonly models = signal<readonly ModelView[]>([]);
  chooseFiles: () => void = () => undefined;

  readonly sessions: ReadonlySignal<readonly SessionView[]>;
  readonly byKey: ReadonlySignal<ReadonlyMap<string, SessionView>>;
  readonly current: ReadonlySignal<SessionView | undefined>;
  /** The sessions whose titles have the letters of the search, the best first. */
  readonly found: ReadonlySignal<readonly { item: SessionView; match: Match }[]>;
  readonly needsYou: ReadonlySignal<number>;
  /** Which session is shown, on which gateway. */
  readonly #session: ReadonlySignal<string>;
  #searchTimer: ReturnType<typeof setTimeout> | undefined;
  #search = 0;
  /** The search that is under way; 0: none. */
  #searching = 0;
  #nextSearch: (() => void) | undefined;

  constructor(readonly link: Link) {
    this.composer = new Composer(link);
    this.panels = new Panels(link);
    this.excerpt = new Excerpt(link);
    this.find = new Find(link, (message) => this.reveal(message));
    const { parts } = link.model;
    this.sessions = computed(() => choose(parts.sessions.value, this.selection.value));
    this.#session = computed(() => {
      const { gateway, session } = link.model.transcript.value;
      return `${gateway}/${session}`;
    });
    this.current = computed(() => this.byKey.value.get(parts.target.value.session));
    this.byKey = computed(() => new Map(parts.sessions.value.map((session) => [session.key, session])));
    this.found = computed(() => {
      // Sessions have no place in a search that keeps to one session or to some days.
      const { agent, here, days } = this.scope.value;
      if (!this.palette.value || here || days > 0) return [];
      const agents = parts.agents.value;
      const among = agent === "" ? parts.sessions.value : parts.sessions.value.filter((session) => agentId(agents, session.agent) === agent);
      return rank(this.query.value, among, (session) => session.title).slice(0, FOUND_SESSIONS);
    });
    this.needsYou = computed(() => parts.sessions.value.filter((session) => session.needsApproval).length);
  }

  start(): () => void {
    const stops = [
      this.composer.start(),
      this.link.model.onSignal((event) => {
        if (event.type === "hidden") this.composer.flushDraft();
        if (event.type === "prefill") this.composer.offer(event.session, event.text);
        if (event.type === "reveal") this.show(event.message);
      }),
      this.panels.start(),
      // Another conversation begins at its end.
      effect(() => {
        void this.#session.value;
        this.excerpt.newest();
        this.find.close();
        this.renaming.value = undefined;
        this.menu.value = false;
      }),
      this.excerpt.start(),
      // What is being looked at is read.
      effect(() => {
        const session = this.current.value;
        if (session?.unread === true && document.visibilityState === "visible") {
          this.link.tell({ type: "markRead", session: this.link.session(session.key) });
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

  decide({ gateway, id }: ApprovalView, decision: string): void {
    this.confirming.value = undefined;
    void this.link.ask({ type: "resolveApproval", gateway, id, decision });
    this.focus();
  }

  /** Shows a session, of the gateway that is shown where only its key is given; with a message, that message in its place. */
  open(named: SessionRef | string, message?: string): void {
    const session = typeof named === "string" ? this.link.session(named) : named;
    this.palette.value = false;
    this.drawer.value = false;
    if (message !== undefined) {
      // The app reads as far back as it must and signals when the message is there.
      void this.link.ask({ type: "revealMessage", session, message });
    } else if (!sameSession(session, this.link.here)) {
      void this.link.ask({ type: "setTarget", session });
    }
  }

  reveal(message: string): void {
    const { order } = this.link.model.transcript.value;
    if (order.includes(message)) this.show(message);
    else this.open(this.link.read, message);
  }

  /** Scrolls to a message that is known, with some of what is around it. */
  show(message: string): void {
    if (!this.excerpt.include(message)) return;
    requestAnimationFrame(() => flash(message));
  }

  select(change: Partial<Selection>): void {
    this.selection.value = { ...this.selection.value, ...change };
  }

  openTab(tab: Tab): void {
    this.panels.tab.value = tab;
    this.panel.value = true;
  }

  useGateway(id: string): void {
    this.gatewayMenu.value = false;
    void this.link.ask({ type: "useGateway", id });
  }

  /** An address that opens this message again, here or from anywhere on this computer. */
  copyLink(message?: string): void {
    const { gateway, session } = this.link.here;
    const place = message === undefined ? "" : `&message=${encodeURIComponent(message)}`;
    void copyText(`clawtray://session/${encodeURIComponent(session)}?gateway=${encodeURIComponent(gateway)}${place}`).then((done) => {
      if (done) announce(t().linkCopied);
    });
  }

  newSession(): void {
    this.palette.value = false;
    this.drawer.value = false;
    const { target, agents } = this.link.model.parts;
    void this.link.ask({ type: "newSession", gateway: this.link.gateway, agent: agentId(agents.value, target.value.agent) || undefined });
    this.focus();
  }

  narrow(change: Partial<SearchScope>): void {
    this.scope.value = { ...this.scope.value, ...change };
    this.search(this.query.value);
  }

  newSessionWith(agent: string): void {
    void this.link.ask({ type: "newSession", gateway: this.link.gateway, agent });
    this.focus();
  }

  /** Looks in all sessions; an answer that comes after the next question is dropped. */
  search(query: string): void {
    this.query.value = query;
    clearTimeout(this.#searchTimer);
    this.#nextSearch = undefined;
    this.#search += 1;
    const asked = this.#search;
    if (SAYS_NOTHING.test(query.trim())) {
      this.hits.value = [];
      return;
    }
    const { agent, here, days } = this.scope.value;
    const request: Request = { type: "search", gateway: this.link.gateway, query: query.trim(), limit: HITS };
    if (agent !== "") request.agent = agent;
    if (here) request.session = this.link.model.parts.target.value.session;
    // Today is the day, not the last 24 hours.
    if (days > 0) request.fromMs = new Date().setHours(0, 0, 0, 0) - (days - 1) * DAY_MS;
    this.#nextSearch = () => {
      this.#nextSearch = undefined;
      clearTimeout(this.#searchTimer);
      this.#searching = asked;
      void this.link.ask<SearchHit[]>(request).then((answer) => {
        if (asked === this.#search && Array.isArray(answer)) this.hits.value = answer;
        if (asked !== this.#searching) return;
        this.#searching = 0;
        this.#nextSearch?.();
      });
    };
    // One at a time, unless the answer takes its time: the gateway may be asked, too.
    if (this.#searching === 0) this.#nextSearch();
    else this.#searchTimer = setTimeout(() => this.#nextSearch?.(), SEARCH_PAUSE_MS);
  }

  // What can be done with the session that is shown

  pin(): void {
    const session = this.current.value;
    if (session) void this.link.ask({ type: "pinSession", session: this.link.session(session.key), pinned: !session.pinned });
  }

  mute(): void {
    const session = this.current.value;
    if (session) void this.link.ask({ type: "muteSession", session: this.link.session(session.key), muted: !session.muted });
  }

  archive(): void {
    const session = this.current.value;
    if (session) void this.link.ask({ type: "archiveSession", session: this.link.session(session.key), archived: !session.archived });
  }

  beginRename(): void {
    const session = this.current.value;
    this.renaming.value = session && this.link.session(session.key);
  }

  rename(label: string): void {
    const session = this.renaming.value;
    this.renaming.value = undefined;
    if (session && label.trim() !== this.current.value?.title) void this.link.ask({ type: "renameSession", session, label: label.trim() });
  }

  compact(): void {
    const session = this.current.value;
    if (session) void this.link.ask({ type: "compactSession", session: this.link.session(session.key) });
  }

  fork(): void {
    const session = this.current.value;
    if (!session) return;
    void this.link.ask<{ session: SessionRef }>({ type: "forkSession", session: this.link.session(session.key) }).then((answer) => {
      if (answer?.session) this.open(answer.session);
    });
  }

  export(format: "markdown" | "json"): void {
    const session = this.current.value;
    if (!session) return;
    void this.link.ask<{ text: string }>({ type: "exportSession", session: this.link.session(session.key), format }).then((answer) => {
      if (answer?.text) void copyText(answer.text);
    });
  }

  /** Asks whether something that cannot be taken back is really meant. Another session may be shown before the answer. */
  ask(what: Asked["what"]): void {
    const session = this.current.value;
    if (session) this.asking.value = { what, session: this.link.session(session.key), title: session.title };
  }

  confirm(): void {
    const asked = this.asking.value;
    this.asking.value = undefined;
    if (!asked) return;
    void this.link.ask({ type: asked.what === "delete" ? "deleteSession" : "resetSession", session: asked.session });
  }
}

/** Brings a message into the middle and marks it for a moment. */
function flash(message: string): void {
  // What comes into sight gets its real height only then and moves the rest, and it may be drawn a moment later: it is
  // put right for a while, until it stands still or the reader takes over.
  let still = 0;
  let frames = 0;
  let marked: HTMLElement | undefined;
  const over = new AbortController();
  for (const what of ["wheel", "pointerdown", "keydown"]) {
    addEventListener(what, () => over.abort(), { passive: true, signal: over.signal });
  }
  const settle = (): void => {
    frames += 1;
    const found = document.getElementById(`message-${message}`);
    if (found && !over.signal.aborted) {
      if (found !== marked) {
        marked = found;
        found.classList.add("revealed");
        setTimeout(() => found.classList.remove("revealed"), 2000);
      }
      const before = found.getBoundingClientRect().top;
      found.scrollIntoView({ block: "center" });
      still = Math.abs(found.getBoundingClientRect().top - before) > 1 ? 0 : still + 1;
    }
    if (!over.signal.aborted && frames < (still < 4 ? 60 : 20)) requestAnimationFrame(settle);
    else over.abort();
  };
  settle();
}
