import type { BridgeView } from "../../api/BridgeView";
import type { Change } from "../../api/Change";
import type { MessageView } from "../../api/MessageView";
import type { Request } from "../../api/Request";
import type { RunView } from "../../api/RunView";
import type { SearchHit } from "../../api/SearchHit";
import type { SessionRef } from "../../api/SessionRef";
import type { SessionView } from "../../api/SessionView";
import type { Settings } from "../../api/Settings";
import type { UiError } from "../../api/UiError";
import type { Update } from "../../api/Update";
import type { View } from "../../api/View";
import { type Captured, type CaptureKind, type Host, guessPlatform, type WindowName } from "../host";
import { FakeGatewayFacts, PICTURE } from "./gateway";
import { COMMANDS, gateway, message, MODELS, READY, session, tool } from "./parts";
import { SCENARIOS } from "./scenarios";
import { ANSWER } from "./texts";

export { SCENARIOS } from "./scenarios";

/** The port that another program has. */
const TAKEN_PORT = 8080;

declare global {
  interface Window {
    /** For tests: the host behind the page. */
    __FAKE__?: FakeHost;
  }
}

/** The app in memory: the same updates, no gateway. Made for tests, screenshots and design work. */
export class FakeHost implements Host {
  readonly surroundings = { compositor: true, platform: guessPlatform(), framed: false, captures: ["clipboard", "selection", "screenshot"] as const };
  /** What the desktop gives when it is asked. */
  captured: Record<CaptureKind, Captured | null> = {
    clipboard: { mimeType: "text/plain", content: btoa("cargo build --release") },
    selection: { mimeType: "text/plain", content: btoa("error: linker lld not found") },
    screenshot: { mimeType: "image/png", content: PICTURE },
  };
  /** How often each was asked for. */
  readonly captures: CaptureKind[] = [];
  /** Everything that was asked, in order. */
  readonly requests: Request[] = [];
  /** Milliseconds between the pieces of an answer. */
  pace = 30;
  /** What the fake agent answers. */
  answer = ANSWER;
  /** What comes when older messages are asked for. */
  older: MessageView[] | undefined;
  /** Answers the next request of this type with an error. */
  failNext: { type: Request["type"]; error: UiError } | undefined;
  view: View;
  /** What the gateway knows beside the conversations. */
  readonly facts = new FakeGatewayFacts();
  #revision = 1;
  #listener: ((update: Update) => void) | undefined;
  #run: { stopped: boolean } | undefined;
  #prompts = ["How many people opened the last newsletter?", "Why does the release build fail?"];
  #nextId = 1;

  constructor(scenario: string) {
    this.view = (SCENARIOS[scenario] ?? SCENARIOS["empty"]!)();
  }

  subscribe(_window: WindowName, onUpdate: (update: Update) => void): () => void {
    this.#listener = onUpdate;
    queueMicrotask(() => onUpdate({ type: "snapshot", revision: this.#revision, view: structuredClone(this.view) }));
    return () => {
      if (this.#listener === onUpdate) this.#listener = undefined;
    };
  }

  /** Sends changes to the window, as the app would. */
  patch(...changes: Change[]): void {
    this.#revision += 1;
    this.#listener?.({ type: "patch", revision: this.#revision, changes });
  }

  /** Loses one patch: the window has to notice. */
  skip(): void {
    this.#revision += 1;
  }

  signal(update: Extract<Update, { type: "signal" }>["signal"]): void {
    this.#listener?.({ type: "signal", signal: update });
  }

  async capture(kind: CaptureKind): Promise<Captured | null> {
    this.captures.push(kind);
    await Promise.resolve();
    return this.captured[kind];
  }

  async request(request: Request): Promise<unknown> {
    this.requests.push(request);
    await Promise.resolve();
    if (this.failNext?.type === request.type) {
      const { error } = this.failNext;
      this.failNext = undefined;
      throw error;
    }
    return this.#answer(request) ?? null;
  }

  #answer(request: Request): unknown {
    switch (request.type) {
      case "sendMessage":
        return this.#send(request);
      case "listCommands":
        return COMMANDS;
      case "listModels":
        return MODELS;
      case "promptHistory":
        return this.#prompts.slice(0, request.limit);
      case "stop":
        if (this.#run) this.#run.stopped = true;
        this.#setRun(undefined);
        return null;
      case "newSession":
        return this.#target(`s-${this.#nextId++}`, "New session", request.agent ?? this.view.target.agent);
      case "setTarget": {
        const found = this.view.sessions.find((entry) => entry.key === request.session.session);
        return this.#target(request.session.session, found?.title ?? "New session", found?.agent ?? "main");
      }
      case "setSessionModel":
        this.view.target = {
          ...this.view.target,
          ...(request.model ? { model: request.model } : {}),
          ...(request.thinking ? { thinking: request.thinking } : {}),
        };
        this.patch({ type: "target", target: this.view.target });
        return null;
      case "cancelQueued": {
        const taken = this.view.outbox.find((queued) => queued.id === request.id);
        if (taken) queueMicrotask(() => this.signal({ type: "prefill", session: { gateway: this.view.target.gateway, session: taken.session }, text: taken.text }));
        this.view.outbox = this.view.outbox.filter((queued) => queued.id !== request.id);
        this.patch({ type: "outbox", outbox: this.view.outbox }, { type: "removeMessage", id: request.id });
        return null;
      }
      case "retryQueued":
        this.#deliver(request.id);
        return null;
      case "resolveApproval":
        this.view.approvals = this.view.approvals.filter((approval) => approval.id !== request.id);
        this.patch({ type: "approvals", approvals: this.view.approvals });
        return null;
      case "answerQuestion":
        this.view.questions = [];
        this.patch({ type: "questions", questions: [] });
        return null;
      case "reconnect":
      case "retryKeychain":
      case "setGatewayToken":
      case "trustCertificate":
        this.#connect();
        return null;
      case "acceptFoundGateway":
      case "useEmbeddedGateway":
      case "addGateway":
        this.#connect();
        return { id: "home" };
      case "dismissNotice":
        this.view.notices = this.view.notices.filter((notice) => notice.id !== request.id);
        this.patch({ type: "notices", notices: this.view.notices });
        return null;
      case "pinPopup":
        this.view.settings = { ...this.view.settings, popupPinned: request.pinned };
        this.patch({ type: "settings", settings: this.view.settings });
        return null;
      case "diagnostics":
        return { text: `# Clawtray ${this.view.version}\n\n- system: linux x86_64\n- tray host: there\n\n## Gateways\n\n1. native, on this computer, active: ready` };
      case "saveDiagnostics":
        return { path: "/home/me/.local/share/clawtray/clawtray-report.txt" };
      case "changeSettings":
        this.view.settings = { ...this.view.settings, ...(request.patch as object) };
        this.patch({ type: "settings", settings: this.view.settings });
        this.view.bridge = bridgeOf(this.view.settings);
        this.patch({ type: "bridge", bridge: this.view.bridge });
        return null;
      case "search": {
        const older = this.view.transcript.hasOlder ? (this.older ?? []) : [];
        return [...older, ...this.view.transcript.messages].flatMap((entry) => {
          if (request.fromMs !== undefined && entry.atMs < request.fromMs) return [];
          const at = entry.text.toLowerCase().indexOf(request.query.toLowerCase());
          if (at < 0) return [];
          const hit: SearchHit = {
            session: { gateway: this.view.transcript.gateway, session: this.view.transcript.session },
            sessionTitle: this.view.target.title,
            message: entry.id,
            snippet: entry.text,
            marks: [[at, at + request.query.length]],
            atMs: entry.atMs,
          };
          return [hit];
        });
      }
      case "pinSession":
        return this.#change(request.session, { pinned: request.pinned });
      case "muteSession":
        return this.#change(request.session, { muted: request.muted });
      case "archiveSession":
        return this.#change(request.session, { archived: request.archived });
      case "renameSession":
        return this.#change(request.session, { title: request.label });
      case "markRead":
        return this.#change(request.session, { unread: false });
      case "deleteSession":
        this.view.sessions = this.view.sessions.filter((entry) => entry.key !== request.session.session);
        this.patch({ type: "sessions", upsert: [], remove: [request.session.session] });
        return null;
      case "wholeMessage":
        return null;
      case "loadOlder":
        this.#older();
        return null;
      case "revealMessage": {
        const key = request.session.session;
        if (key !== this.view.transcript.session) {
          const found = this.view.sessions.find((entry) => entry.key === key);
          this.#target(key, found?.title ?? "New session", found?.agent ?? "main");
        }
        if (!this.view.transcript.messages.some((entry) => entry.id === request.message)) this.#older();
        queueMicrotask(() => this.signal({ type: "reveal", message: request.message }));
        return null;
      }
      case "setGatewayDialect":
        this.view.gateways = this.view.gateways.map((each) => (each.id === request.id ? { ...each, dialect: request.dialect } : each));
        this.patch({ type: "gateways", gateways: this.view.gateways });
        return null;
      case "setGatewayWebhook":
        this.view.gateways = this.view.gateways.map(({ webhookPort: _, ...each }) =>
          each.id === request.id && request.port !== undefined ? { ...each, webhookPort: request.port } : each,
        );
        this.patch({ type: "gateways", gateways: this.view.gateways });
        return null;
      case "setFullControl":
        this.view.gateways = this.view.gateways.map((each) => (each.id === request.id ? { ...each, fullControl: request.on } : each));
        if (request.on) this.facts.forbidden = [];
        this.patch({ type: "gateways", gateways: this.view.gateways });
        return null;
      case "useGateway":
        this.view.gateways = this.view.gateways.map((each) => ({ ...each, active: each.id === request.id }));
        this.view.connection = { ...this.view.connection, gateway: this.view.gateways.find((each) => each.active)?.name ?? "" };
        this.view.target = { ...this.view.target, gateway: request.id };
        this.view.transcript = { ...this.view.transcript, gateway: request.id };
        this.patch(
          { type: "gateways", gateways: this.view.gateways },
          { type: "connection", connection: this.view.connection },
          { type: "target", target: this.view.target },
          { type: "transcript", transcript: this.view.transcript },
        );
        return null;
      case "listJobs":
        return this.#facts("cron.list");
      case "addJob": {
        const { name, prompt, agent, schedule } = request.job;
        return this.#facts("cron.add", { name, agentId: agent, schedule, payload: { kind: "agentTurn", message: prompt } });
      }
      case "updateJob":
        return this.#facts("cron.update", { id: request.id, patch: { enabled: request.enabled } });
      case "removeJob":
        return this.#facts("cron.remove", { id: request.id });
      case "runJob":
        return this.#facts("cron.run", { id: request.id });
      case "usageReport":
        return this.#facts("usage.cost");
      case "sessionUsage":
        return this.#facts("sessions.usage");
      case "listChannels":
        return this.#facts("channels.status");
      case "listNodes":
        return this.#facts("node.list");
      case "listPresence":
        return this.#facts("system-presence");
      case "listTools":
        return this.#facts("tools.catalog");
      case "tailLog":
        return this.#facts("logs.tail", { cursor: request.cursor });
      case "listArtifacts":
        return this.#facts("artifacts.list");
      case "downloadArtifact":
        return this.#facts("artifacts.download", { artifactId: request.artifact });
      default:
        return null;
    }
  }

  /** The page before: the scenario's own, or some made up. */
  #older(): void {
    if (!this.view.transcript.hasOlder) return;
    const older =
      this.older ??
      Array.from({ length: 20 }, (_, index) => message(`old-${index}`, index % 2 === 0 ? "user" : "assistant", `Earlier message ${index}.`, { atMs: Date.now() - 2 * 86_400_000 }));
    this.view.transcript = { ...this.view.transcript, messages: [...older, ...this.view.transcript.messages], hasOlder: false };
    this.patch({ type: "olderMessages", messages: older, hasOlder: false });
  }

  #facts(method: string, params: Record<string, unknown> = {}): unknown {
    return structuredClone(this.facts.call(method, params));
  }

  #change({ session: key }: SessionRef, change: Partial<SessionView>): null {
    this.view.sessions = this.view.sessions.map((entry) => (entry.key === key ? { ...entry, ...change } : entry));
    this.patch({ type: "sessions", upsert: this.view.sessions.filter((entry) => entry.key === key), remove: [] });
    return null;
  }

  #connect(): void {
    this.view.connection = READY;
    this.view.gateways = [gateway(READY)];
    if (this.view.target.agent === "") {
      this.view.agents = [{ id: "main", name: "Main", isDefault: true }];
      this.view.target = { gateway: "home", session: "s-new", title: "New session", agent: "main", draft: "" };
    }
    this.view.found = [];
    this.patch(
      { type: "connection", connection: READY },
      { type: "gateways", gateways: this.view.gateways },
      { type: "agents", agents: this.view.agents },
      { type: "target", target: this.view.target },
      { type: "found", found: [] },
    );
    for (const queued of this.view.outbox.splice(0)) {
      this.patch({ type: "outbox", outbox: this.view.outbox });
      void this.#reply(message(queued.id, "user", queued.text));
    }
  }

  #target(key: string, title: string, agent: string): { session: SessionRef } {
    this.view.target = { ...this.view.target, session: key, title, agent, draft: "" };
    const messages =
      title === "New session" ? [] : [message("h1", "user", `About ${title}?`), message("h2", "assistant", "All is well.", { durationMs: 1500 })];
    const { gateway } = this.view.target;
    this.view.transcript = { gateway, session: key, messages, hasOlder: false, loading: false };
    this.patch({ type: "target", target: this.view.target }, { type: "transcript", transcript: this.view.transcript });
    return { session: { gateway, session: key } };
  }

  #send(request: Extract<Request, { type: "sendMessage" }>): { id: string } {
    const id = `m${this.#nextId++}`;
    this.#prompts.unshift(request.text);
    const attachments = (request.attachments ?? []).map(({ name, mimeType, content }) => ({
      name,
      mimeType,
      bytes: Math.floor((content.length * 3) / 4),
    }));
    if (this.view.connection.word !== "ready") {
      const queued = { id, unsaved: false, session: this.view.target.session, text: request.text, attachments, state: "queued" as const, atMs: Date.now() };
      this.view.outbox = [...this.view.outbox, queued];
      this.patch({ type: "outbox", outbox: this.view.outbox });
      return { id };
    }
    void this.#reply(message(id, "user", request.text, { attachments, atMs: Date.now() }));
    return { id };
  }

  #deliver(id: string): void {
    const found = this.view.transcript.messages.find((entry) => entry.id === id);
    if (found) void this.#reply({ ...found, state: "done", error: undefined });
  }

  #setRun(run: RunView | undefined): void {
    this.patch({ type: "run", run: run ?? null });
  }

  async #reply(prompt: MessageView): Promise<void> {
    const started = Date.now();
    const answerId = `${prompt.id}-a`;
    const run = { stopped: false };
    this.#run = run;
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, this.pace));
    this.patch({ type: "message", message: { ...prompt, state: "sending" } });
    await pause();
    this.patch({ type: "message", message: prompt }, { type: "run", run: { id: answerId, phase: "thinking", startedAtMs: started } });
    const answer = message(answerId, "assistant", "", { state: "streaming", atMs: Date.now() });
    this.patch({ type: "message", message: answer }, { type: "appendThinking", id: answerId, text: "Looking at it." });
    await pause();
    const calls = [tool("c1", "exec", "uname -a", { running: true, durationMs: undefined, startedAtMs: Date.now() })];
    this.patch({ type: "message", message: { ...answer, thinking: "Looking at it.", tools: calls } }, { type: "run", run: { id: answerId, phase: "tool", tool: "exec", startedAtMs: started } });
    await pause();
    const tools = calls.map((call) => ({ ...call, running: false, durationMs: 400, output: "Linux" }));
    let text = "";
    this.patch({ type: "message", message: { ...answer, thinking: "Looking at it.", tools } }, { type: "run", run: { id: answerId, phase: "replying", startedAtMs: started } });
    for (const piece of this.answer.match(/[\s\S]{1,7}/g) ?? []) {
      if (run.stopped) break;
      text += piece;
      this.patch({ type: "appendText", id: answerId, text: piece });
      await pause();
    }
    const done: MessageView = { ...answer, state: run.stopped ? "stopped" : "done", text, thinking: "Looking at it.", tools, durationMs: Date.now() - started };
    this.patch({ type: "message", message: done }, { type: "run", run: null });
    this.view.transcript.messages.push(prompt, done);
    const { target } = this.view;
    this.view.sessions = [session(target.session, prompt.text, target.agent, 0), ...this.view.sessions];
    this.patch({ type: "sessions", upsert: this.view.sessions.slice(0, 1), remove: [] });
  }
}

export function fakeHost(scenario: string): Host {
  const host = new FakeHost(scenario);
  window.__FAKE__ = host;
  return host;
}

/** One port is somebody else's. */
function bridgeOf({ bridge, bridgePort }: Settings): BridgeView {
  if (!bridge) return { state: "off", url: "", sentence: "" };
  if (bridgePort === TAKEN_PORT) return { state: "failed", url: "", sentence: `cannot listen on 127.0.0.1:${bridgePort}: Address already in use` };
  return { state: "listening", url: `http://127.0.0.1:${bridgePort}`, sentence: "" };
}
