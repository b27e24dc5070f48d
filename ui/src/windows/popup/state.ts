import { computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import type { ApprovalView } from "../../api/ApprovalView";
import type { CommandView } from "../../api/CommandView";
import type { GatewayView } from "../../api/GatewayView";
import type { ModelView } from "../../api/ModelView";
import type { Request } from "../../api/Request";
import type { SessionView } from "../../api/SessionView";
import type { RowList } from "../../components/List";
import type { CaptureKind } from "../../host";
import { Composer } from "../../state/composer";
import {
  agentId,
  agentList,
  agentName,
  attachList,
  backgroundList,
  type Choices,
  commandList,
  gatewayList,
  modelList,
  recentList,
  sessionList,
} from "../../state/lists";
import type { Link } from "../../state/session";

/** Lists with a field of their own for the letters to look for. The others read the prompt. */
export type Picker = "sessions" | "models" | "gateways" | "background" | "attach";

/** Which screen the popup shows: some states leave nothing to write into. */
export type Screen = "loading" | "first-run" | "pairing" | "sign-in" | "keychain" | "certificate" | "chat";

/** Everything the popup does, apart from drawing. */
export class Popup implements Choices {
  readonly composer: Composer;
  readonly picker = signal<Picker | undefined>(undefined);
  readonly query = signal("");
  readonly selected = signal(0);
  readonly earlier = signal(false);
  readonly dropping = signal(false);
  /** An approval whose permanent permission waits for its confirmation. */
  readonly confirming = signal<string | undefined>(undefined);
  readonly commands = signal<readonly CommandView[]>([]);
  readonly models = signal<readonly ModelView[]>([]);
  /** Set by the view: opens the file dialog. */
  chooseFiles: () => void = () => undefined;
  /** A `/` or `@` list the user closed with Esc stays closed until the word changes. */
  readonly #closedAt = signal<string | undefined>(undefined);

  readonly screen: ReadonlySignal<Screen>;
  readonly list: ReadonlySignal<RowList | undefined>;
  /** The messages shown: the newest exchange, or all of them. */
  readonly shown: ReadonlySignal<readonly string[]>;
  /** The id of the newest answer that is complete. */
  readonly lastReply: ReadonlySignal<string | undefined>;
  // Names apart from their contents: a session that moves up must not move the selection.
  readonly #listId: ReadonlySignal<string | undefined>;
  readonly #session: ReadonlySignal<string>;

  constructor(readonly link: Link) {
    this.composer = new Composer(link);
    this.screen = computed(() => this.#screen());
    this.shown = computed(() => this.#shown());
    this.list = computed(() => this.#list());
    this.#listId = computed(() => this.list.value?.id);
    this.#session = computed(() => link.model.transcript.value.session);
    this.lastReply = computed(() => {
      const { order } = link.model.transcript.value;
      return order.findLast((id) => link.model.cell(id)?.head.value.role === "assistant");
    });
  }

  start(): () => void {
    const stops = [
      this.composer.start(),
      this.link.model.onSignal((event) => {
        if (event.type === "shown") this.focus();
        if (event.type === "hidden") this.composer.flushDraft();
        if (event.type === "prefill") this.composer.offer(event.session, event.text);
        if (event.type === "reveal") this.reveal(event.message);
      }),
      // Another list, or other letters: the best match is selected again.
      effect(() => {
        void this.#listId.value;
        void this.query.value;
        void this.composer.text.value;
        this.selected.value = 0;
      }),
      effect(() => {
        void this.#session.value;
        this.earlier.value = false;
      }),
      // The chip shows a model by its name, and the first "/" must not wait for the list of commands.
      effect(() => {
        const { connection, target } = this.link.model.parts;
        const key = connection.value.word === "ready" ? `${target.value.gateway}/${target.value.agent}` : undefined;
        if (key === undefined || key === this.#loadedFor || target.value.session === "") return;
        this.#loadedFor = key;
        if (connection.value.capabilities.native) untracked(() => void this.#loadChoices());
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

  #screen(): Screen {
    const { model } = this.link;
    if (!model.ready.value) return "loading";
    const { word, fingerprint } = model.parts.connection.value;
    if (word === "none") return "first-run";
    if (word === "pairing") return "pairing";
    if (word === "sign-in") return "sign-in";
    if (word === "keychain-locked" || word === "keychain-unreadable") return "keychain";
    if (word === "insecure" && fingerprint !== undefined) return "certificate";
    return "chat";
  }

  #shown(): readonly string[] {
    const { order } = this.link.model.transcript.value;
    if (this.earlier.value) return order;
    const last = order.findLastIndex((id) => this.link.model.cell(id)?.head.value.role === "user");
    return last <= 0 ? order : order.slice(last);
  }

  /** The word under completion: a command at the beginning, an agent anywhere at the end. */
  #completion(): { kind: "commands" | "agents"; query: string } | undefined {
    const text = this.composer.text.value;
    if (this.composer.recalling || this.#closedAt.value === text) return undefined;
    if (/^\/\S*$/.test(text)) return { kind: "commands", query: text };
    const agent = /(?:^|\s)@([^\s@]*)$/.exec(text);
    if (agent) return { kind: "agents", query: agent[1] ?? "" };
    return undefined;
  }

  #list(): RowList | undefined {
    if (this.screen.value !== "chat" && this.picker.value !== "gateways") return undefined;
    const { parts, transcript } = this.link.model;
    const nowMs = Date.now();
    const query = this.query.value;
    const { model, thinking } = parts.target.value;
    switch (this.picker.value) {
      case "sessions":
        return sessionList(query, parts.sessions.value, parts.agents.value, nowMs, this);
      case "models":
        return modelList(query, this.models.value, model, thinking, this);
      case "gateways":
        return gatewayList(query, parts.gateways.value, this);
      case "background":
        return backgroundList(this);
      case "attach":
        return attachList(this.link.host.surroundings.captures, this);
      case undefined:
        break;
    }
    const completion = this.#completion();
    if (completion?.kind === "commands") return commandList(completion.query, this.commands.value, this.agent, this);
    if (completion?.kind === "agents" && parts.agents.value.length > 0) {
      return agentList(completion.query, parts.agents.value, this);
    }
    const idle = !this.composer.canSend.value && transcript.value.order.length === 0 && !transcript.value.loading;
    const waiting = parts.approvals.value.length + parts.questions.value.length + parts.outbox.value.length > 0;
    if (!idle || waiting || parts.sessions.value.length === 0) return undefined;
    const list = recentList(parts.sessions.value, parts.agents.value, nowMs, this);
    return list.rows.length > 0 ? list : undefined;
  }

  focus(): void {
    this.composer.focus();
  }

  #loadedFor: string | undefined;

  async #loadChoices(): Promise<void> {
    const list = async <Item>(request: Request): Promise<Item[]> => {
      const answer = await this.link.host.request(request).catch(() => undefined);
      return Array.isArray(answer) ? (answer as Item[]) : [];
    };
    const { gateway } = this.link;
    const models = await list<ModelView>({ type: "listModels", gateway });
    const commands = await list<CommandView>({ type: "listCommands", gateway });
    // Another gateway is shown by now, and asked for its own.
    if (gateway !== this.link.gateway) return;
    this.models.value = models;
    this.commands.value = commands;
  }

  open(picker: Picker): void {
    if (this.picker.value === picker) {
      this.close();
      return;
    }
    this.query.value = "";
    this.picker.value = picker;
  }

  /** Closes the list that is open, if one is. */
  close(): boolean {
    if (this.picker.value !== undefined) {
      this.picker.value = undefined;
      this.focus();
      return true;
    }
    if (this.#completion() !== undefined) {
      this.#closedAt.value = this.composer.text.value;
      return true;
    }
    return false;
  }

  // What a row does when it is chosen

  toSession(session: SessionView): void {
    this.picker.value = undefined;
    void this.link.ask({ type: "setTarget", session: this.link.session(session.key) });
    this.focus();
  }

  toNewSession(agent: string): void {
    this.picker.value = undefined;
    const rest = this.composer.text.value.replace(/(?:^|\s)@[^\s@]*$/, "");
    const stay = this.composer.move(rest);
    void this.link.ask({ type: "newSession", gateway: this.link.gateway, agent }).then((answer) => {
      if (answer === undefined) stay();
      this.focus();
    });
    this.focus();
  }

  runCommand(command: CommandView): void {
    this.composer.write(slashed(command));
    void this.send();
  }

  insertCommand(command: CommandView): void {
    this.composer.write(`${slashed(command)} `);
  }

  toModel(model: string | undefined, thinking: string | undefined): void {
    this.picker.value = undefined;
    void this.link.ask({ type: "setSessionModel", session: this.link.here, model, thinking });
    this.focus();
  }

  toGateway(gateway: GatewayView): void {
    this.picker.value = undefined;
    void this.link.ask({ type: "useGateway", id: gateway.id });
    this.focus();
  }

  sendInBackground(minutes: number | undefined): void {
    this.picker.value = undefined;
    const text = this.composer.text.value.trim();
    if (text === "") return;
    const { model } = this.link.model.parts.target.value;
    void this.link
      .ask({ type: "sendInBackground", gateway: this.link.gateway, text, model, timeoutSeconds: minutes === undefined ? undefined : minutes * 60 })
      .then(() => {
        if (this.link.failure.value !== undefined) return;
        this.composer.clear();
        this.hide();
      });
  }

  /** A choice where the desktop can give more than files; else the file dialog. */
  attach(): void {
    if (this.link.host.surroundings.captures.length > 0) this.open("attach");
    else this.chooseFiles();
  }

  attachFile(): void {
    this.picker.value = undefined;
    this.chooseFiles();
  }

  attachFrom(kind: CaptureKind): void {
    this.picker.value = undefined;
    void this.composer.capture(kind);
  }

  // What keys and buttons do

  async send(): Promise<void> {
    this.earlier.value = false;
    await this.composer.send();
    this.focus();
  }

  get canStop(): boolean {
    const { run, parts } = this.link.model;
    return run.value !== undefined && parts.connection.value.capabilities.abort;
  }

  stop(): void {
    if (!this.canStop) return;
    void this.link.ask({ type: "stop", session: this.link.here });
  }

  newChat(): void {
    const { target, agents } = this.link.model.parts;
    void this.link.ask({ type: "newSession", gateway: this.link.gateway, agent: agentId(agents.value, target.value.agent) || undefined });
    this.focus();
  }

  /** Sends what is written and goes on in the browser window. */
  async openWindow(): Promise<void> {
    if (this.composer.canSend.value) await this.composer.send();
    const { here } = this.link;
    await this.link.ask({ type: "showWindow", window: "browser", session: here.session === "" ? undefined : here });
    this.hide();
  }

  hide(): void {
    this.composer.flushDraft();
    this.link.tell({ type: "hideWindow" });
  }

  togglePin(): void {
    void this.link.ask({ type: "pinPopup", pinned: !this.link.model.parts.settings.value.popupPinned });
    this.focus();
  }

  decide({ gateway, id }: ApprovalView, decision: string): void {
    this.confirming.value = undefined;
    void this.link.ask({ type: "resolveApproval", gateway, id, decision });
    this.focus();
  }

  /** Takes a prompt back from the outbox; the app offers its text to the composer. */
  editQueued(id: string): void {
    void this.link.ask({ type: "cancelQueued", id });
    this.focus();
  }

  reveal(message: string): void {
    const { order } = this.link.model.transcript.value;
    if (!this.shown.value.includes(message) && order.includes(message)) this.earlier.value = true;
    requestAnimationFrame(() => {
      document.getElementById(`message-${message}`)?.scrollIntoView({ block: "start" });
    });
  }

  lastReplyText(): string | undefined {
    const id = this.lastReply.value;
    return id === undefined ? undefined : this.link.model.cell(id)?.text.value;
  }
}

const slashed = (command: CommandView): string => (command.name.startsWith("/") ? command.name : `/${command.name}`);
