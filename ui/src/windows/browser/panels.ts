import { computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import type { NewJob } from "../../api/NewJob";
import type { Request } from "../../api/Request";
import type { UiError } from "../../api/UiError";
import { asUiError } from "../../host";
import {
  type Channel, type Device, type Job, type LogLine, readChannels, readJobs, readLog, readNodes, readPresence,
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

  /** Which gateway, by its id, how it stands and with which rights: other rights, other answers. Latency and counts are left out. */
  readonly #connection: ReadonlySignal<{ word: string; gateway: string; fullControl: boolean }>;

  constructor(readonly link: Link) {
    const { connection, gateways, target } = link.model.parts;
    let last = { word: "", gateway: "", fullControl: false };
    this.#connection = computed(() => {
      const { word } = connection.value;
      const { gateway } = target.value;
      const fullControl = gateways.value.find((each) => each.active)?.fullControl ?? false;
      if (word !== last.word || gateway !== last.gateway || fullControl !== last.fullControl) last = { word, gateway, fullControl };
      return last;
    });
    this.usage = new Remote(link, (gateway) => ({ type: "usageReport", gateway, days: 30 }), readUsage);
    this.usageBySession = new Remote(link, (gateway) => ({ type: "sessionUsage", gateway, limit: USAGE_SESSIONS }), readSessionUsage);
    this.jobs = new Remote(link, (gateway) => ({ type: "listJobs", gateway }), readJobs);
    this.channels = new Remote(link, (gateway) => ({ type: "listChannels", gateway }), readChannels);
    this.nodes = new Remote(link, (gateway) => ({ type: "listNodes", gateway }), readNodes);
    this.presence = new Remote(link, (gateway) => ({ type: "listPresence", gateway }), readPresence);
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
    // What was about to be done to a job was about one of that gateway.
    this.addingJob.value = false;
    this.removingJob.value = undefined;
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
    const remote = known ?? new Remote(this.link, (gateway) => ({ type: "listTools", gateway, agent }), readTools);
    if (!known) this.tools.value = { ...this.tools.value, [agent]: remote };
    if (remote.value.peek() === undefined) void remote.load();
  }

  async #readLog(): Promise<void> {
    if (this.#readingLog) return;
    this.#readingLog = true;
    const gateway = this.#gateway;
    const request: Request = { type: "tailLog", gateway, limit: LOG_LINES };
    if (this.#cursor !== undefined) request.cursor = this.#cursor;
    try {
      const page = readLog(await this.link.host.request(request));
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

  /** Changes a job of the gateway whose jobs are shown. */
  async #change(request: (gateway: string) => Request): Promise<boolean> {
    try {
      await this.link.host.request(request(this.#gateway));
      this.jobFailure.value = undefined;
      await this.jobs.load();
      return true;
    } catch (error) {
      this.jobFailure.value = asUiError(error);
      return false;
    }
  }

  async runJob(job: Job): Promise<boolean> {
    const begun = await this.#change((gateway) => ({ type: "runJob", gateway, id: job.id }));
    // Its end is not told; many are short.
    if (begun) for (const wait of [1500, 5000]) setTimeout(() => this.seen.peek() && this.tab.peek() === "cron" && this.load(), wait);
    return begun;
  }

  switchJob(job: Job): Promise<boolean> {
    return this.#change((gateway) => ({ type: "updateJob", gateway, id: job.id, enabled: !job.enabled }));
  }

  async removeJob(id: string): Promise<boolean> {
    this.removingJob.value = undefined;
    return this.#change((gateway) => ({ type: "removeJob", gateway, id }));
  }

  async addJob(job: NewJob): Promise<boolean> {
    const added = await this.#change((gateway) => ({ type: "addJob", gateway, job }));
    if (added) this.addingJob.value = false;
    return added;
  }
}
