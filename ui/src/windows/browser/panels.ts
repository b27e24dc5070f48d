import { computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import type { UiError } from "../../api/UiError";
import { asUiError } from "../../host";
import {
  type Channel, type Device, type Job, jobParams, type LogLine, type NewJob, readChannels, readJobs, readLog, readNodes, readPresence,
  readSessionUsage, readTools, readUsage, type Spent, type ToolGroup, type Usage,
} from "../../state/facts";
import { Remote } from "../../state/remote";
import type { Link } from "../../state/session";

export type Tab = "details" | "inbox" | "usage" | "cron" | "status" | "agents" | "log";
export const TABS: readonly Tab[] = ["details", "inbox", "usage", "cron", "status", "agents", "log"];

/** How often a panel that is looked at asks again. */
const AGAIN_MS: Partial<Record<Tab, number>> = { cron: 15_000, status: 15_000, log: 3_000, usage: 60_000 };
const LOG_LINES = 500;
const LOG_KEPT = 2_000;
const USAGE_SESSIONS = 50;

/** What stands beside the conversation. Nothing is asked for that nobody looks at. */
export class Panels {
  readonly tab = signal<Tab>("details");
  readonly usage: Remote<Usage>;
  readonly usageBySession: Remote<({ session: string } & Spent)[]>;
  readonly jobs: Remote<Job[]>;
  readonly channels: Remote<Channel[]>;
  readonly nodes: Remote<Device[]>;
  readonly presence: Remote<Device[]>;
  readonly log = signal<readonly LogLine[]>([]);
  readonly logFailure = signal<UiError | undefined>(undefined);
  readonly tools = signal<Readonly<Record<string, Remote<ToolGroup[]>>>>({});
  /** A decision about a job that did not work. */
  readonly jobFailure = signal<UiError | undefined>(undefined);
  readonly addingJob = signal(false);
  readonly removingJob = signal<string | undefined>(undefined);
  /** The panel is on the screen; set by the view. */
  readonly seen = signal(false);
  #cursor: number | undefined;
  #readingLog = false;
  #gateway = "";

  /** Which gateway, how it stands and with which rights: other rights, other answers. Latency and counts are left out. */
  readonly #connection: ReadonlySignal<{ word: string; gateway: string; fullControl: boolean }>;

  constructor(readonly link: Link) {
    const { connection, gateways } = link.model.parts;
    let last = { word: "", gateway: "", fullControl: false };
    this.#connection = computed(() => {
      const { word, gateway } = connection.value;
      const fullControl = gateways.value.find((each) => each.active)?.fullControl ?? false;
      if (word !== last.word || gateway !== last.gateway || fullControl !== last.fullControl) last = { word, gateway, fullControl };
      return last;
    });
    this.usage = new Remote(link, "usage.cost", readUsage, () => ({ days: 30 }));
    this.usageBySession = new Remote(link, "sessions.usage", readSessionUsage, () => ({ limit: USAGE_SESSIONS }));
    this.jobs = new Remote(link, "cron.list", readJobs, () => ({ includeDisabled: true }));
    this.channels = new Remote(link, "channels.status", readChannels);
    this.nodes = new Remote(link, "node.list", readNodes);
    this.presence = new Remote(link, "system-presence", readPresence);
  }

  start(): () => void {
    let timer: ReturnType<typeof setInterval> | undefined;
    const stop = effect(() => {
      const tab = this.tab.value;
      const seen = this.seen.value;
      const { word, gateway } = this.#connection.value;
      clearInterval(timer);
      timer = undefined;
      untracked(() => {
        if (gateway !== this.#gateway) this.#forget(gateway);
        this.jobFailure.value = undefined;
        if (!seen || word !== "ready") return;
        this.load();
        const again = AGAIN_MS[tab];
        if (again !== undefined) timer = setInterval(() => document.visibilityState === "visible" && this.load(), again);
      });
    });
    return () => {
      stop();
      clearInterval(timer);
    };
  }

  #forget(gateway: string): void {
    this.#gateway = gateway;
    for (const remote of [this.usage, this.usageBySession, this.jobs, this.channels, this.nodes, this.presence]) remote.forget();
    this.tools.value = {};
    this.log.value = [];
    this.logFailure.value = undefined;
    this.jobFailure.value = undefined;
    this.#cursor = undefined;
  }

  /** Reads what the open panel shows. */
  load(): void {
    switch (this.tab.peek()) {
      case "usage":
        void this.usage.load();
        void this.usageBySession.load();
        return;
      case "cron":
        void this.jobs.load();
        return;
      case "status":
        void this.channels.load();
        void this.nodes.load();
        void this.presence.load();
        return;
      case "log":
        void this.#readLog();
        return;
      case "details":
      case "inbox":
      case "agents":
        return;
    }
  }

  loadTools(agent: string): void {
    const known = this.tools.value[agent];
    const remote = known ?? new Remote(this.link, "tools.catalog", readTools, () => ({ agentId: agent }));
    if (!known) this.tools.value = { ...this.tools.value, [agent]: remote };
    if (remote.value.peek() === undefined) void remote.load();
  }

  async #readLog(): Promise<void> {
    if (this.#readingLog) return;
    this.#readingLog = true;
    const gateway = this.#gateway;
    const params = this.#cursor === undefined ? { limit: LOG_LINES } : { limit: LOG_LINES, cursor: this.#cursor };
    try {
      const page = readLog(await this.link.host.request({ type: "callGateway", method: "logs.tail", params }));
      if (gateway !== this.#gateway) return;
      const before = page.reset ? [] : this.log.value;
      if (page.lines.length > 0 || page.reset) this.log.value = [...before, ...page.lines].slice(-LOG_KEPT);
      this.#cursor = page.cursor;
      this.logFailure.value = undefined;
    } catch (error) {
      if (gateway === this.#gateway) this.logFailure.value = asUiError(error);
    } finally {
      this.#readingLog = false;
    }
  }

  // Jobs

  async #change(method: string, params: Record<string, unknown>): Promise<boolean> {
    try {
      await this.link.host.request({ type: "callGateway", method, params });
      this.jobFailure.value = undefined;
      await this.jobs.load();
      return true;
    } catch (error) {
      this.jobFailure.value = asUiError(error);
      return false;
    }
  }

  async runJob(job: Job): Promise<boolean> {
    const begun = await this.#change("cron.run", { id: job.id, mode: "force" });
    // Its end is not told; many are short.
    if (begun) for (const wait of [1500, 5000]) setTimeout(() => this.seen.peek() && this.tab.peek() === "cron" && this.load(), wait);
    return begun;
  }

  switchJob(job: Job): Promise<boolean> {
    return this.#change("cron.update", { id: job.id, patch: { enabled: !job.enabled } });
  }

  async removeJob(id: string): Promise<boolean> {
    this.removingJob.value = undefined;
    return this.#change("cron.remove", { id });
  }

  async addJob(job: NewJob): Promise<boolean> {
    const added = await this.#change("cron.add", jobParams(job));
    if (added) this.addingJob.value = false;
    return added;
  }
}
