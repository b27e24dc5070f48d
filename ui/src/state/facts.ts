/**
 * What the gateway says about itself, read leniently: a field that is missing or odd is left out, and a newer gateway may
 * say more. The shapes are those of the recorded frames.
 */

type Loose = Record<string, unknown>;

const loose = (value: unknown): Loose => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Loose) : {});
const list = (value: unknown): Loose[] => (Array.isArray(value) ? value.map(loose) : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number | undefined => (typeof value === "number" && Number.isFinite(value) ? value : undefined);

/** Tokens and money. */
export interface Spent {
  tokens: number;
  cost: number;
}

export interface Usage {
  /** Oldest first; `day` is `2026-11-20`. */
  days: ({ day: string } & Spent)[];
  total: Spent;
  /** Some calls have no price: the money is a lower bound. */
  incomplete: boolean;
  /** The gateway is still counting. */
  counting: boolean;
}

const spent = (value: Loose): Spent => ({ tokens: number(value["totalTokens"]) ?? 0, cost: number(value["totalCost"]) ?? 0 });

/** `usage.cost` */
export function readUsage(answer: unknown): Usage {
  const all = loose(answer);
  const totals = loose(all["totals"]);
  const days = list(all["daily"]).flatMap((entry) => {
    const day = text(entry["date"]);
    return /^\d{4}-\d{2}-\d{2}$/.test(day) ? [{ day, ...spent(entry) }] : [];
  });
  days.sort((a, b) => a.day.localeCompare(b.day));
  return {
    days,
    total: spent(totals),
    incomplete: (number(totals["missingCostEntries"]) ?? 0) > 0,
    counting: text(loose(all["cacheStatus"])["status"]) === "refreshing",
  };
}

/** `sessions.usage`: what each session took, the dearest first. Sessions without a count are left out. */
export function readSessionUsage(answer: unknown): ({ session: string } & Spent)[] {
  const rows = list(loose(answer)["sessions"]).flatMap((row) => {
    const usage = spent(loose(row["usage"]));
    const session = text(row["key"]);
    return session !== "" && usage.tokens + usage.cost > 0 ? [{ session, ...usage }] : [];
  });
  return rows.sort((a, b) => b.cost - a.cost || b.tokens - a.tokens);
}

export type Schedule = { kind: "every"; everyMs: number } | { kind: "cron"; expr: string; tz: string } | { kind: "at"; atMs: number } | { kind: "other"; word: string };

export interface Job {
  id: string;
  name: string;
  description: string;
  enabled: boolean;
  agent: string;
  schedule: Schedule;
  /** What the agent is told, where it is told something. */
  prompt: string;
  nextMs: number | undefined;
  lastMs: number | undefined;
  /** `ok`, `error`, `skipped`; empty before the first run. */
  last: string;
  error: string;
  durationMs: number | undefined;
  /** Made by the gateway or a plugin, not by a person. */
  managed: boolean;
}

function readSchedule(value: Loose): Schedule {
  const kind = text(value["kind"]);
  const everyMs = number(value["everyMs"]);
  if (kind === "every" && everyMs !== undefined) return { kind, everyMs };
  if (kind === "cron") return { kind, expr: text(value["expr"]), tz: text(value["tz"]) };
  const atMs = Date.parse(text(value["at"]));
  if (kind === "at" && Number.isFinite(atMs)) return { kind, atMs };
  return { kind: "other", word: kind };
}

/** `cron.list`: what runs next comes first, what is switched off last. */
export function readJobs(answer: unknown): Job[] {
  const jobs = list(loose(answer)["jobs"]).flatMap((job): Job[] => {
    const id = text(job["id"]);
    if (id === "") return [];
    const state = loose(job["state"]);
    const payload = loose(job["payload"]);
    return [
      {
        id,
        name: text(job["displayName"]) || text(job["name"]),
        description: text(job["description"]),
        enabled: job["enabled"] !== false,
        agent: text(job["agentId"]) || text(job["effectiveAgentId"]),
        schedule: readSchedule(loose(job["schedule"])),
        prompt: text(payload["message"]) || text(payload["text"]),
        nextMs: number(job["nextRunAtMs"]) ?? number(state["nextRunAtMs"]),
        lastMs: number(job["lastRunAtMs"]) ?? number(state["lastRunAtMs"]),
        last: text(job["lastRunStatus"]) || text(state["lastRunStatus"]) || text(state["lastStatus"]),
        error: text(job["lastRunError"]) || text(state["lastError"]),
        durationMs: number(state["lastDurationMs"]),
        managed: text(job["declarationKey"]) !== "",
      },
    ];
  });
  const due = (job: Job): number => (job.enabled ? (job.nextMs ?? Number.MAX_SAFE_INTEGER - 1) : Number.MAX_SAFE_INTEGER);
  return jobs.sort((a, b) => due(a) - due(b) || a.name.localeCompare(b.name));
}

/** `m h * * *` from `08:30`. */
export function dailyAt(time: string): string | undefined {
  const found = /^(\d{1,2}):(\d{2})$/.exec(time);
  const [hour, minute] = [Number(found?.[1]), Number(found?.[2])];
  return found && hour < 24 && minute < 60 ? `${minute} ${hour} * * *` : undefined;
}

/** Whether a text has the shape of a cron expression; the gateway has the last word. */
export function looksLikeCron(expr: string): boolean {
  const fields = expr.trim().split(/\s+/);
  return (fields.length === 5 || fields.length === 6) && fields.every((field) => /^[\d*/,\-A-Za-z?#]+$/.test(field));
}

/** How something stands: well, waiting, or wrong. */
export type Standing = "fine" | "waits" | "wrong" | "off";

export interface Channel {
  id: string;
  name: string;
  account: string;
  standing: Standing;
  error: string;
}

/** `channels.status` */
export function readChannels(answer: unknown): Channel[] {
  const all = loose(answer);
  const labels = loose(all["channelLabels"]);
  const accounts = loose(all["channelAccounts"]);
  const summaries = loose(all["channels"]);
  const order = Array.isArray(all["channelOrder"]) ? all["channelOrder"].map(text) : Object.keys(summaries);
  return order.filter(Boolean).flatMap((id): Channel[] => {
    const name = text(labels[id]) || id;
    const rows = list(accounts[id]);
    const shown = rows.length > 0 ? rows : [loose(summaries[id])];
    return shown.map((row) => {
      const error = text(row["lastError"]) || text(row["error"]);
      const off = row["enabled"] === false || row["configured"] === false;
      const up = row["connected"] === true || (row["connected"] === undefined && row["running"] === true);
      return {
        id: `${id}/${text(row["accountId"])}`,
        name,
        account: text(row["name"]) || (rows.length > 1 ? text(row["accountId"]) : ""),
        standing: off ? "off" : up && error === "" ? "fine" : error !== "" && !up ? "wrong" : "waits",
        error,
      };
    });
  });
}

export interface Device {
  id: string;
  name: string;
  detail: string;
  standing: Standing;
  seenMs: number | undefined;
}

/** `node.list` */
export function readNodes(answer: unknown): Device[] {
  return list(loose(answer)["nodes"]).flatMap((node): Device[] => {
    const id = text(node["nodeId"]);
    if (id === "") return [];
    const waits = text(node["approvalState"]).startsWith("pending");
    return [
      {
        id,
        name: text(node["displayName"]) || text(node["deviceFamily"]) || text(node["clientId"]) || id.slice(0, 8),
        detail: [text(node["platform"]), text(node["version"])].filter(Boolean).join(" "),
        standing: node["connected"] === true ? (waits ? "waits" : "fine") : waits ? "waits" : "off",
        seenMs: number(node["lastSeenAtMs"]),
      },
    ];
  });
}

/** `system-presence`: who is connected now. */
export function readPresence(answer: unknown): Device[] {
  const rows = Array.isArray(answer) ? list(answer) : list(loose(answer)["presence"]);
  const seen = new Set<string>();
  return rows.flatMap((row): Device[] => {
    if (text(row["reason"]) === "disconnect") return [];
    const name = text(row["host"]) || text(row["clientId"]);
    const id = text(row["instanceId"]) || `${text(row["deviceId"])}${text(row["clientId"])}${text(row["mode"])}${name}`;
    if (name === "" || seen.has(id)) return [];
    seen.add(id);
    return [{ id, name, detail: [text(row["mode"]), text(row["version"])].filter(Boolean).join(" "), standing: "fine", seenMs: number(row["ts"]) }];
  });
}

export interface ToolGroup {
  id: string;
  name: string;
  tools: { id: string; name: string; description: string }[];
}

/** `tools.catalog` and `tools.effective` */
export function readTools(answer: unknown): ToolGroup[] {
  return list(loose(answer)["groups"]).flatMap((group): ToolGroup[] => {
    const tools = list(group["tools"]).flatMap((tool) => {
      const id = text(tool["id"]);
      return id === "" ? [] : [{ id, name: text(tool["label"]) || id, description: text(tool["description"]) }];
    });
    return tools.length === 0 ? [] : [{ id: text(group["id"]), name: text(group["label"]) || text(group["id"]), tools }];
  });
}

export interface LogLine {
  atMs: number | undefined;
  /** `debug`, `info`, `warn`, `error`. */
  level: string;
  /** The part of the gateway it comes from. */
  part: string;
  text: string;
}

/** A line of the gateway's log: JSON as it writes it, or plain text. */
export function readLogLine(line: string): LogLine {
  let all: Loose;
  try {
    all = loose(JSON.parse(line));
  } catch {
    return { atMs: undefined, level: "info", part: "", text: line };
  }
  const meta = loose(all["_meta"]);
  const atMs = Date.parse(text(all["time"]) || text(meta["date"]));
  let part: string;
  try {
    part = text(loose(JSON.parse(text(meta["name"]) || "{}"))["subsystem"]);
  } catch {
    part = text(meta["name"]);
  }
  const level = (text(meta["logLevelName"]) || text(all["level"]) || "info").toLowerCase();
  return {
    atMs: Number.isFinite(atMs) ? atMs : undefined,
    level: level === "fatal" ? "error" : level === "trace" || level === "silly" ? "debug" : level,
    part,
    text: text(all["message"]) || text(all["1"]) || text(all["0"]) || line,
  };
}

export interface LogPage {
  lines: LogLine[];
  cursor: number | undefined;
  /** The file began anew: what was shown before is another one. */
  reset: boolean;
}

/** `logs.tail` */
export function readLog(answer: unknown): LogPage {
  const all = loose(answer);
  const lines = Array.isArray(all["lines"]) ? all["lines"].map(text).filter(Boolean) : [];
  return { lines: lines.map(readLogLine), cursor: number(all["cursor"]), reset: all["reset"] === true };
}

export interface Artifact {
  id: string;
  title: string;
  mimeType: string;
}

/** `artifacts.list` */
export function readArtifacts(answer: unknown): Artifact[] {
  return list(loose(answer)["artifacts"]).flatMap((entry) => {
    const id = text(entry["id"]);
    return id === "" ? [] : [{ id, title: text(entry["title"]), mimeType: text(entry["mimeType"]) }];
  });
}

const PICTURE = /^image\/(?:png|jpeg|gif|webp|avif|bmp)$/;
const LARGEST_PICTURE = 12 * 1024 * 1024;

/** `artifacts.download`: a picture as a data URL, or the address it is at, or why there is none. */
export function readDownload(answer: unknown): { picture: string } | { address: string } | undefined {
  const all = loose(answer);
  const data = text(all["data"]);
  const type = text(loose(all["artifact"])["mimeType"]);
  if (data !== "" && PICTURE.test(type) && /^[A-Za-z0-9+/=]+$/.test(data) && data.length * 0.75 <= LARGEST_PICTURE) {
    return { picture: `data:${type};base64,${data}` };
  }
  const address = text(all["url"]);
  return address === "" ? undefined : { address };
}
