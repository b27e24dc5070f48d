import { describe, expect, test } from "vitest";
import { toolsLine } from "./tools";
import { en } from "../strings/en";
import { tool } from "../host/fake/parts";
import { agentHue, bytes, channelName, countdown, duration, elapsed, modelName, shortTime, tokens, visible } from "./format";

const words = { now: "now", yesterday: "Yesterday" };
const at = (text: string): number => new Date(text).getTime();

describe("times", () => {
  const now = at("2026-11-20T14:30:00");
  test.each([
    ["2026-11-20T14:29:30", "now"],
    ["2026-11-20T09:12:00", "9:12"],
    ["2026-11-19T23:59:00", "Yesterday"],
    ["2026-11-17T10:00:00", "Tue"],
    ["2026-11-03T10:00:00", "3 Nov"],
    ["2024-11-03T10:00:00", "3 Nov 2024"],
  ])("%s is %s", (time, shown) => {
    expect(shortTime(at(time), now, "en-GB", words)).toBe(shown);
  });

  test("durations", () => {
    expect(duration(6400, "en")).toBe("6.4 s");
    expect(duration(6400, "de")).toBe("6,4 s");
    expect(duration(11_900, "en")).toBe("11 s");
    expect(elapsed(125_000)).toBe("2 min 5 s");
    expect(elapsed(3_840_000)).toBe("1 h 4 min");
    expect(elapsed(-5)).toBe("0 s");
  });

  test("time left is never below zero", () => {
    expect(countdown(102_000)).toBe("1:42");
    expect(countdown(7_400)).toBe("0:08");
    expect(countdown(3_723_000)).toBe("1:02:03");
    expect(countdown(-1)).toBe("0:00");
  });
});

test("sizes and counts", () => {
  expect(bytes(18_200, "en")).toBe("18 kB");
  expect(bytes(1_240_000, "en")).toBe("1.2 MB");
  expect(bytes(0, "en")).toBe("0 B");
  expect(tokens(1400, "en")).toBe("1.4k");
  expect(tokens(180_000, "en")).toBe("180k");
  expect(tokens(12, "en")).toBe("12");
});

test("names", () => {
  expect(channelName("whatsapp")).toBe("WhatsApp");
  expect(channelName("carrier")).toBe("Carrier");
  expect(modelName("anthropic/claude-opus-4-6")).toBe("claude-opus-4-6");
  expect(new Set(["main", "ops", "house", "scribe"].map(agentHue)).size).toBe(4);
});

test("what cannot be seen in a command is spelled out", () => {
  expect(visible("rm \u202egpj.x")).toEqual([
    { text: "rm ", hidden: false },
    { text: "U+202E", hidden: true },
    { text: "gpj.x", hidden: false },
  ]);
  expect(visible("a\u200bb\u0007c").filter(({ hidden }) => hidden).map(({ text }) => text)).toEqual(["U+200B", "U+0007"]);
  const blanks = ["\u00a0", "\u2003", "\u202f", "\u2800", "\u3000", "\u034f", "\u{1d173}", "\u{e0041}"];
  for (const blank of blanks) expect(visible(`a${blank}b`).filter(({ hidden }) => hidden)).toHaveLength(1);
  expect(visible("plain\ttext\nof two lines")).toEqual([{ text: "plain\ttext\nof two lines", hidden: false }]);
});

test("one line tells what the tools did", () => {
  const calls = [tool("1", "read", "/srv/build.log"), tool("2", "exec", "make"), tool("3", "exec", "make check"), tool("4", "web_search", "x")];
  expect(toolsLine(calls, en)).toBe("Read build.log, ran 2 commands, searched the web");
  expect(toolsLine([tool("1", "web_fetch", "https://docs.example.org/a/b")], en)).toBe("Opened docs.example.org");
  expect(toolsLine([tool("1", "memory_store", ""), tool("2", "memory_store", "")], en)).toBe("Used memory store 2 times");
});
