import type { UiError } from "../../api/UiError";

const DAY = 86_400_000;
const HOUR = 3_600_000;

/** A picture of one colour: what the gateway keeps of an image. */
export const PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

interface FakeJob {
  id: string;
  name: string;
  enabled: boolean;
  schedule: object;
  payload: { kind: string; message: string };
  state: Record<string, unknown>;
  declarationKey?: string;
  agentId?: string;
}

/** What the panels ask a gateway for, in the shapes of the recorded frames. */
export class FakeGatewayFacts {
  /** Methods that this device may not call. */
  forbidden: readonly string[] = [];
  jobs: FakeJob[] = [
    {
      id: "j1", name: "Morning digest", enabled: true, agentId: "scribe", schedule: { kind: "cron", expr: "0 8 * * *" },
      payload: { kind: "agentTurn", message: "Write the digest." },
      state: { nextRunAtMs: Date.now() + 5 * HOUR, lastRunAtMs: Date.now() - 19 * HOUR, lastRunStatus: "ok", lastDurationMs: 41_000 },
    },
    {
      id: "j2", name: "Check the backups", enabled: true, agentId: "ops", schedule: { kind: "every", everyMs: 6 * HOUR },
      payload: { kind: "agentTurn", message: "Check the backups." },
      state: { nextRunAtMs: Date.now() + 2 * HOUR, lastRunAtMs: Date.now() - 4 * HOUR, lastRunStatus: "error", lastDurationMs: 1163, lastError: "staging-2 did not answer in 30 s" },
    },
    {
      id: "j3", name: "Heartbeat (main)", enabled: false, declarationKey: "heartbeat:main", agentId: "main", schedule: { kind: "every", everyMs: 1_800_000 },
      payload: { kind: "heartbeat", message: "" }, state: {},
    },
  ];
  #nextJob = 4;
  #logged = 0;

  call(method: string, params: Record<string, unknown>): unknown {
    if (this.forbidden.includes(method)) {
      const error: UiError = { code: "forbidden", message: "missing scope: operator.admin", hint: "Allow full control in Settings, or ask the gateway's owner." };
      throw error;
    }
    switch (method) {
      case "usage.cost":
        return usage();
      case "sessions.usage":
        return {
          sessions: [
            { key: "s-lumen", usage: { totalTokens: 812_000, totalCost: 6.42 } },
            { key: "s-disk", usage: { totalTokens: 404_000, totalCost: 2.11 } },
            { key: "s-digest", usage: { totalTokens: 96_000, totalCost: 0.48 } },
            { key: "s-news", usage: { totalTokens: 31_000, totalCost: 0.09 } },
          ],
        };
      case "cron.list":
        return { jobs: this.jobs };
      case "cron.run":
        this.#job(params, (job) => (job.state = { ...job.state, lastRunAtMs: Date.now(), lastRunStatus: "ok", lastError: undefined, lastDurationMs: 900 }));
        return { ok: true, enqueued: true };
      case "cron.update":
        this.#job(params, (job) => Object.assign(job, params["patch"]));
        return {};
      case "cron.remove":
        this.jobs = this.jobs.filter((job) => job.id !== params["id"]);
        return { ok: true, removed: true };
      case "cron.add": {
        const job = { ...(params as unknown as FakeJob), id: `j${this.#nextJob++}`, enabled: true, state: { nextRunAtMs: Date.now() + HOUR } };
        this.jobs = [...this.jobs, job];
        return job;
      }
      case "channels.status":
        return {
          channelOrder: ["telegram", "whatsapp", "slack"],
          channelLabels: { telegram: "Telegram", whatsapp: "WhatsApp", slack: "Slack" },
          channels: { slack: { configured: false } },
          channelAccounts: {
            telegram: [{ accountId: "default", connected: true, running: true }],
            whatsapp: [{ accountId: "default", connected: false, running: true, lastError: "The phone was not seen for 14 days." }],
          },
        };
      case "node.list":
        return {
          nodes: [
            { nodeId: "n1", displayName: "Studio Mac", platform: "macos 26.1", version: "2026.11.2", connected: true, paired: true },
            { nodeId: "n2", deviceFamily: "Linux", platform: "linux", version: "2026.9.6", connected: false, approvalState: "pending-approval", lastSeenAtMs: Date.now() - DAY },
          ],
        };
      case "system-presence":
        return [
          { host: "home", mode: "gateway", version: "2026.11.2", reason: "self", instanceId: "g", ts: Date.now() },
          { host: "clawtray", mode: "ui", version: "0.1.0", reason: "connect", deviceId: "d", clientId: "clawtray", ts: Date.now() },
        ];
      case "tools.catalog":
        return {
          groups: [
            { id: "fs", label: "Files", tools: [tool("read", "Read file contents"), tool("write", "Create or overwrite files"), tool("edit", "Make precise edits")] },
            { id: "runtime", label: "Runtime", tools: [tool("exec", "Run a command"), tool("process", "Look after commands")] },
            { id: "web", label: "Web", tools: [tool("web_search", "Search the web"), tool("web_fetch", "Fetch a page")] },
          ],
        };
      case "logs.tail":
        return this.#log(params["cursor"]);
      case "artifacts.list":
        return { artifacts: [{ id: "art-1", type: "image", title: "sunset.png", mimeType: "image/png", download: { mode: "bytes" } }] };
      case "artifacts.download":
        return { artifact: { id: params["artifactId"], mimeType: "image/png" }, encoding: "base64", data: PICTURE };
      default: {
        const error: UiError = { code: "refused", message: `unknown method: ${method}` };
        throw error;
      }
    }
  }

  #job(params: Record<string, unknown>, change: (job: FakeJob) => void): void {
    this.jobs = this.jobs.map((job) => {
      const copy = { ...job };
      if (job.id === params["id"]) change(copy);
      return copy;
    });
  }

  #log(cursor: unknown): unknown {
    const part = (name: string): string => JSON.stringify({ subsystem: name });
    const line = (level: string, name: string, message: string): string =>
      JSON.stringify({ message, time: new Date(Date.now() - 1000).toISOString(), _meta: { logLevelName: level, name: part(name) } });
    this.#logged += 1;
    const fresh = line("INFO", "gateway/ws", `res ok sessions.list 2ms id=r${this.#logged}`);
    const first = [
      line("INFO", "gateway", "listening on 127.0.0.1:18789"),
      line("INFO", "gateway/ws", "res ok chat.history 142ms"),
      line("WARN", "channels/whatsapp", "reconnecting in 60 s"),
      line("ERROR", "cron", "Check the backups: staging-2 did not answer in 30 s"),
    ];
    return { lines: cursor === undefined ? [...first, fresh] : [fresh], cursor: 1000 + this.#logged, reset: false };
  }
}

const tool = (id: string, description: string): object => ({ id, label: id, description });

function usage(): object {
  const costs = [0.4, 0.8, 0.2, 0, 1.1, 1.6, 0.9, 0.3, 0.1, 0, 2.2, 1.4, 0.7, 0.9, 1.2, 0.4, 0, 0.3, 1.9, 2.6, 1.1, 0.8, 0.5, 0.2, 1.3, 0.9, 3.1, 1.7, 0.6, 1.2];
  const today = Date.now();
  const daily = costs.map((totalCost, index) => ({
    date: new Date(today - (costs.length - 1 - index) * DAY).toISOString().slice(0, 10),
    totalTokens: Math.round(totalCost * 140_000),
    totalCost,
  }));
  const totalCost = costs.reduce((sum, cost) => sum + cost, 0);
  return { days: 30, daily, totals: { totalCost, totalTokens: Math.round(totalCost * 140_000), missingCostEntries: 2 }, cacheStatus: { status: "fresh" } };
}
