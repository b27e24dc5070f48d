import { describe, expect, test } from "vitest";
import {
  dailyAt, looksLikeCron, readArtifacts, readChannels, readDownload, readJobs, readLog, readLogLine, readNodes, readPresence,
  readSessionUsage, readTools, readUsage,
} from "./facts";

describe("what the real gateway answers", () => {
  test("usage by day, oldest first, with what is not priced yet", () => {
    const day = (date: string, totalTokens: number, totalCost: number) => ({ date, input: 0, output: 0, totalTokens, totalCost, missingCostEntries: 0 });
    const usage = readUsage({
      updatedAt: 1, days: 30, daily: [day("2026-11-20", 900, 0.5), day("2026-11-19", 100, 0.25), { date: "odd" }],
      totals: { totalTokens: 1000, totalCost: 0.75, missingCostEntries: 3 }, cacheStatus: { status: "refreshing" },
    });
    expect(usage.days).toEqual([{ day: "2026-11-19", tokens: 100, cost: 0.25 }, { day: "2026-11-20", tokens: 900, cost: 0.5 }]);
    expect(usage).toMatchObject({ total: { tokens: 1000, cost: 0.75 }, incomplete: true, counting: true });
    expect(readUsage(null)).toEqual({ days: [], total: { tokens: 0, cost: 0 }, incomplete: false, counting: false });
  });

  test("usage by session, the dearest first, without those that used nothing", () => {
    const rows = [{ key: "a", usage: null }, { key: "b", usage: { totalTokens: 10, totalCost: 0.1 } }, { key: "c", usage: { totalTokens: 5, totalCost: 0.2 } }];
    expect(readSessionUsage({ sessions: rows }).map((row) => row.session)).toEqual(["c", "b"]);
  });

  test("jobs: what is due first, what is off last, its last result in words", () => {
    const jobs = readJobs({
      jobs: [
        { id: "1", name: "off", enabled: false, schedule: { kind: "cron", expr: "0 3 * * *" }, payload: { kind: "agentTurn", message: "x" }, state: { nextRunAtMs: 1 } },
        { id: "2", name: "late", enabled: true, schedule: { kind: "every", everyMs: 60_000 }, payload: { kind: "heartbeat" }, state: { nextRunAtMs: 90 }, declarationKey: "heartbeat:main" },
        { id: "3", name: "soon", displayName: "Soon", enabled: true, schedule: { kind: "at", at: "2026-11-20T12:00:00Z" }, nextRunAtMs: 50,
          state: { lastRunStatus: "error", lastError: "No channel", lastDurationMs: 1163, lastRunAtMs: 7 } },
      ],
    });
    expect(jobs.map((job) => job.name)).toEqual(["Soon", "late", "off"]);
    expect(jobs[0]).toMatchObject({ last: "error", error: "No channel", durationMs: 1163, lastMs: 7, schedule: { kind: "at", atMs: Date.UTC(2026, 10, 20, 12) } });
    expect(jobs[1]).toMatchObject({ managed: true, schedule: { kind: "every", everyMs: 60_000 }, last: "" });
  });

  test("times of a new job are understood", () => {
    expect(dailyAt("08:05")).toBe("5 8 * * *");
    expect(dailyAt("24:00")).toBeUndefined();
    expect(["0 3 * * *", "*/5 * * * MON"].every(looksLikeCron)).toBe(true);
    expect(["", "every day", "* * *"].some(looksLikeCron)).toBe(false);
  });

  test("channels and nodes: how each stands", () => {
    const channels = readChannels({
      channelOrder: ["telegram", "slack"], channelLabels: { telegram: "Telegram" }, channels: { slack: { configured: false } },
      channelAccounts: { telegram: [{ accountId: "a", connected: true }, { accountId: "b", connected: false, lastError: "401" }] },
    });
    expect(channels.map(({ name, account, standing }) => [name, account, standing])).toEqual([
      ["Telegram", "a", "fine"], ["Telegram", "b", "wrong"], ["slack", "", "off"],
    ]);
    const nodes = readNodes({ nodes: [{ nodeId: "121d89ba5cd9", platform: "linux", version: "0.0.1", clientId: "node-host", deviceFamily: "Linux", approvalState: "pending-approval", connected: false }] });
    expect(nodes).toMatchObject([{ name: "Linux", detail: "linux 0.0.1", standing: "waits" }]);
    expect(readPresence([{ host: "vm", mode: "gateway", version: "1", instanceId: "i" }, { host: "gone", reason: "disconnect" }])).toMatchObject([{ name: "vm", detail: "gateway 1" }]);
  });

  test("tools by group", () => {
    expect(readTools({ groups: [{ id: "fs", label: "Files", tools: [{ id: "read", label: "read", description: "Read" }] }, { id: "none", tools: [] }] })).toEqual([
      { id: "fs", name: "Files", tools: [{ id: "read", name: "read", description: "Read" }] },
    ]);
  });

  test("log lines: JSON as the gateway writes it, or plain", () => {
    const line = JSON.stringify({
      0: '{"subsystem":"gateway/ws"}', 1: "res ok", message: "res ok", time: "2026-11-20T11:57:52.900+00:00",
      _meta: { logLevelName: "WARN", name: '{"subsystem":"gateway/ws"}', date: "2026-11-20T11:57:52.900Z" },
    });
    expect(readLogLine(line)).toEqual({ atMs: Date.UTC(2026, 10, 20, 11, 57, 52, 900), level: "warn", part: "gateway/ws", text: "res ok" });
    expect(readLogLine("just words")).toEqual({ atMs: undefined, level: "info", part: "", text: "just words" });
    expect(readLog({ lines: ["a", ""], cursor: 9, reset: true })).toMatchObject({ cursor: 9, reset: true, lines: [{ text: "a" }] });
  });

  test("only pictures come in, everything else stays an address", () => {
    expect(readArtifacts({ artifacts: [{ id: "x", type: "image", title: "dot.png", mimeType: "image/png", download: { mode: "bytes" } }] })).toEqual([{ id: "x", title: "dot.png", mimeType: "image/png" }]);
    expect(readDownload({ artifact: { mimeType: "image/png" }, encoding: "base64", data: "AAAA" })).toEqual({ picture: "data:image/png;base64,AAAA" });
    for (const bad of [{ mimeType: "image/svg+xml" }, { mimeType: "text/html" }, {}]) expect(readDownload({ artifact: bad, data: "AAAA" })).toBeUndefined();
    expect(readDownload({ artifact: { mimeType: "image/png" }, data: '"><script>' })).toBeUndefined();
    expect(readDownload({ artifact: {}, url: "/artifacts/1?ticket=x" })).toEqual({ address: "/artifacts/1?ticket=x" });
  });
});
