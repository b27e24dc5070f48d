import { effect } from "@preact/signals";
import { describe, expect, test } from "vitest";
import type { Change } from "../api/Change";
import { baseView, message, session } from "../host/fake/parts";
import { mergeSessions, Model } from "./model";

function opened(): Model {
  const model = new Model();
  const view = baseView();
  view.transcript = { gateway: "home", session: "s", messages: [message("a", "user", "Hi"), message("b", "assistant", "Hello")], hasOlder: true, loading: false };
  model.apply({ type: "snapshot", revision: 5, view });
  return model;
}

const patch = (model: Model, revision: number, ...changes: Change[]): string => model.apply({ type: "patch", revision, changes });

describe("updates", () => {
  test("nothing counts before the first snapshot", () => {
    const model = new Model();
    expect(patch(model, 1, { type: "notices", notices: [{ id: "x", sentence: "x", hint: "" }] })).toBe("ignored");
    expect(model.ready.value).toBe(false);
    expect(model.parts.notices.value).toEqual([]);
  });

  test("a snapshot replaces everything", () => {
    const model = opened();
    const view = baseView();
    view.transcript.messages = [message("z", "user", "New")];
    model.apply({ type: "snapshot", revision: 1, view });
    expect(model.messages().map(({ id }) => id)).toEqual(["z"]);
    expect(model.cell("a")).toBeUndefined();
    expect(patch(model, 2, { type: "appendText", id: "z", text: "!" })).toBe("applied");
    expect(model.cell("z")!.text.value).toBe("New!");
  });

  test("a gap is told once, and nothing is applied until a new snapshot", () => {
    const model = opened();
    expect(patch(model, 7, { type: "appendText", id: "b", text: "lost" })).toBe("gap");
    expect(patch(model, 8, { type: "appendText", id: "b", text: "also" })).toBe("ignored");
    expect(model.cell("b")!.text.value).toBe("Hello");
    model.apply({ type: "snapshot", revision: 8, view: baseView() });
    expect(patch(model, 9, { type: "notices", notices: [] })).toBe("applied");
  });

  test("a patch that was applied already changes nothing", () => {
    const model = opened();
    expect(patch(model, 6, { type: "appendText", id: "b", text: "!" })).toBe("applied");
    expect(patch(model, 6, { type: "appendText", id: "b", text: "!" })).toBe("ignored");
    expect(model.cell("b")!.text.value).toBe("Hello!");
  });

  test("signals reach their listeners and no revision", () => {
    const model = opened();
    const heard: string[] = [];
    const stop = model.onSignal((signal) => heard.push(signal.type));
    model.apply({ type: "signal", signal: { type: "shown" } });
    stop();
    model.apply({ type: "signal", signal: { type: "hidden" } });
    expect(heard).toEqual(["shown"]);
    expect(patch(model, 6)).toBe("applied");
  });
});

describe("messages", () => {
  test("a delta wakes the text of one message and nothing else", () => {
    const model = opened();
    const woken: string[] = [];
    for (const id of ["a", "b"]) {
      effect(() => {
        void model.cell(id)!.head.value;
        woken.push(`${id} head`);
      });
      effect(() => {
        void model.cell(id)!.text.value;
        woken.push(`${id} text`);
      });
    }
    effect(() => {
      void model.transcript.value;
      woken.push("frame");
    });
    woken.length = 0;
    patch(model, 6, { type: "appendText", id: "b", text: " there" }, { type: "appendText", id: "b", text: "." });
    expect(woken).toEqual(["b text"]);
    expect(model.cell("b")!.text.value).toBe("Hello there.");
  });

  test("new ones come at the end, known ones keep their place", () => {
    const model = opened();
    patch(model, 6, { type: "message", message: message("c", "user", "More") }, { type: "message", message: message("a", "user", "Hi!") });
    expect(model.messages().map(({ id, text }) => `${id}:${text}`)).toEqual(["a:Hi!", "b:Hello", "c:More"]);
  });

  test("older ones come before, each once", () => {
    const model = opened();
    patch(model, 6, { type: "olderMessages", messages: [message("0", "user", "Old"), message("a", "user", "Hi")], hasOlder: false });
    expect(model.transcript.value.order).toEqual(["0", "a", "b"]);
    expect(model.transcript.value.hasOlder).toBe(false);
  });

  test("removed ones are gone; deltas for unknown ones are dropped", () => {
    const model = opened();
    patch(model, 6, { type: "removeMessage", id: "a" }, { type: "appendText", id: "a", text: "x" }, { type: "appendThinking", id: "nobody", text: "x" });
    expect(model.messages().map(({ id }) => id)).toEqual(["b"]);
  });

  test("thinking grows apart from the text", () => {
    const model = opened();
    patch(model, 6, { type: "appendThinking", id: "b", text: "Hm" }, { type: "appendThinking", id: "b", text: "…" });
    expect(model.cell("b")!.thinking.value).toBe("Hm…");
    expect(model.cell("b")!.text.value).toBe("Hello");
  });

  test("an answer that arrives is read out once; one that was there, or is older, is not", () => {
    const model = opened();
    patch(
      model,
      6,
      { type: "message", message: message("c", "assistant", "News") },
      { type: "message", message: message("d", "user", "Mine") },
      { type: "message", message: message("e", "assistant", "Gone") },
      { type: "removeMessage", id: "e" },
      { type: "olderMessages", messages: [message("z", "assistant", "Older")], hasOlder: false },
    );
    expect(["b", "c", "d", "e", "z"].map((id) => model.hear(id))).toEqual([false, true, false, false, false]);
    expect(model.hear("c")).toBe(false);
  });

  test("a run starts and ends", () => {
    const model = opened();
    patch(model, 6, { type: "run", run: { id: "r", phase: "replying", startedAtMs: 1 } });
    expect(model.run.value?.id).toBe("r");
    patch(model, 7, { type: "run", run: null });
    expect(model.run.value).toBeUndefined();
  });
});

describe("sessions", () => {
  test("come most recent first; changed ones replace, removed ones go", () => {
    const before = [session("a", "A", "main", 1), session("b", "B", "main", 2), session("c", "C", "main", 3)];
    const merged = mergeSessions(before, [session("c", "C now", "main", 0), session("d", "D", "main", 5)], ["b"]);
    expect(merged.map(({ title }) => title)).toEqual(["C now", "A", "D"]);
  });

  test("every other part is replaced by its change", () => {
    const model = opened();
    const view = baseView();
    patch(
      model,
      6,
      { type: "connection", connection: { ...view.connection, word: "offline" } },
      { type: "agents", agents: [] },
      { type: "approvals", approvals: [] },
      { type: "target", target: { gateway: "home", session: "q", title: "Q", agent: "ops", draft: "d" } },
      { type: "settings", settings: { ...view.settings, theme: "dark" } },
    );
    expect(model.parts.connection.value.word).toBe("offline");
    expect(model.parts.target.value.draft).toBe("d");
    expect(model.parts.settings.value.theme).toBe("dark");
  });
});
