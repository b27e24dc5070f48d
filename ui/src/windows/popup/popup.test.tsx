import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, test } from "vitest";
import type { Request } from "../../api/Request";
import { IconSprite } from "../../components/Icon";
import { FakeHost } from "../../host/fake";
import { Link, LinkProvider } from "../../state/session";
import { PopupView } from "./Popup";
import { Popup } from "./state";

// Kept from before any test replaces the timers.
const nextTask = setImmediate;
let place: HTMLElement | undefined;

async function show(scenario: string): Promise<{ host: FakeHost; popup: Popup; prompt: HTMLTextAreaElement }> {
  const host = new FakeHost(scenario);
  host.pace = 1;
  const link = new Link(host, "popup");
  const popup = new Popup(link);
  place = document.createElement("div");
  document.body.append(place);
  await act(async () => {
    render(
      <LinkProvider value={link}>
        <IconSprite />
        <PopupView popup={popup} />
      </LinkProvider>,
      place!,
    );
    link.open();
    await settle();
  });
  return { host, popup, prompt: document.querySelector<HTMLTextAreaElement>(".prompt")! };
}

/** Lets every promise that is ready run. */
function settle(): Promise<void> {
  // The next task begins when no promise is ready any more.
  return new Promise((done) => nextTask(done));
}

/** A key as the browser sends it; true when the page took it. */
async function press(target: Element, key: string, more: KeyboardEventInit & { keyCode?: number; code?: string } = {}): Promise<boolean> {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  await act(async () => {
    target.dispatchEvent(event);
    await settle();
  });
  return event.defaultPrevented;
}

async function type(field: HTMLTextAreaElement | HTMLInputElement, text: string): Promise<void> {
  await act(async () => {
    field.value = text;
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await settle();
  });
}

const asked = (host: FakeHost, kind: Request["type"]): Request[] => host.requests.filter(({ type }) => type === kind);

afterEach(() => {
  if (place) {
    render(null, place);
    place.remove();
  }
});

describe("the prompt", () => {
  test("Enter sends and empties it, once", async () => {
    const { host, prompt } = await show("new");
    await type(prompt, "Hello there");
    expect(await press(prompt, "Enter")).toBe(true);
    expect(asked(host, "sendMessage")).toEqual([{ type: "sendMessage", session: { gateway: "home", session: "s-new" }, text: "Hello there" }]);
    expect(prompt.value).toBe("");
    await press(prompt, "Enter");
    expect(asked(host, "sendMessage")).toHaveLength(1);
  });

  test("a held Enter sends once", async () => {
    const { host, prompt } = await show("new");
    await type(prompt, "One");
    await press(prompt, "Enter", { repeat: true });
    expect(asked(host, "sendMessage")).toHaveLength(0);
  });

  test("Shift Enter is a line break, left to the field", async () => {
    const { host, prompt } = await show("new");
    await type(prompt, "Hello");
    expect(await press(prompt, "Enter", { shiftKey: true })).toBe(false);
    expect(asked(host, "sendMessage")).toHaveLength(0);
  });

  test.each([{ isComposing: true }, { keyCode: 229 }])("no key counts while an input method composes: %j", async (composing) => {
    const { host, prompt, popup } = await show("new");
    await type(prompt, "にほん");
    for (const key of ["Enter", "Escape", "ArrowUp", "Tab"]) expect(await press(prompt, key, composing)).toBe(false);
    expect(await press(prompt, "Enter", { ...composing, ctrlKey: true })).toBe(false);
    expect(host.requests.filter(({ type }) => ["sendMessage", "hideWindow", "showWindow"].includes(type))).toEqual([]);
    expect(popup.composer.text.value).toBe("にほん");
  });

  test("Ctrl Enter sends and goes on in the browser window", async () => {
    const { host, prompt } = await show("new");
    await type(prompt, "Long story");
    await press(prompt, "Enter", { ctrlKey: true });
    expect(asked(host, "sendMessage")).toHaveLength(1);
    expect(asked(host, "showWindow")).toEqual([{ type: "showWindow", window: "browser", session: { gateway: "home", session: "s-new" } }]);
    expect(asked(host, "hideWindow")).toHaveLength(1);
  });

  test("with the other send key, Enter breaks the line and Ctrl Enter sends", async () => {
    const { host, prompt } = await show("new");
    await act(() => host.patch({ type: "settings", settings: { ...host.view.settings, sendKey: "ctrl-enter" } }));
    await type(prompt, "Hello");
    expect(await press(prompt, "Enter")).toBe(false);
    expect(asked(host, "sendMessage")).toHaveLength(0);
    await press(prompt, "Enter", { ctrlKey: true });
    expect(asked(host, "sendMessage")).toHaveLength(1);
    expect(asked(host, "showWindow")).toHaveLength(0);
  });

  test("text that the app refuses comes back", async () => {
    const { host, prompt } = await show("new");
    host.failNext = { type: "sendMessage", error: { code: "too-large", message: "The message is too long.", hint: "Shorten it." } };
    await type(prompt, "Too much");
    await press(prompt, "Enter");
    expect(prompt.value).toBe("Too much");
    expect(document.querySelector('[role="alert"]')!.textContent).toContain("The message is too long.");
  });

  test("↑ recalls earlier prompts, ↓ comes back to what was written", async () => {
    const { prompt } = await show("done");
    await press(prompt, "ArrowUp");
    expect(prompt.value).toBe("How many people opened the last newsletter?");
    await press(prompt, "ArrowUp");
    expect(prompt.value).toBe("Why does the release build fail?");
    await press(prompt, "ArrowUp");
    expect(prompt.value).toBe("Why does the release build fail?");
    await press(prompt, "ArrowDown");
    await press(prompt, "ArrowDown");
    expect(prompt.value).toBe("");
  });

  test("↑ in written text moves the caret, not the history", async () => {
    const { host, prompt } = await show("done");
    await type(prompt, "two\nlines");
    expect(await press(prompt, "ArrowUp")).toBe(false);
    expect(asked(host, "promptHistory")).toHaveLength(0);
  });
});

describe("drafts", () => {
  test("are kept when the window hides, and come back with their session", async () => {
    const { host, prompt } = await show("new");
    await type(prompt, "half a thou");
    await act(() => host.signal({ type: "hidden" }));
    expect(asked(host, "saveDraft")).toEqual([{ type: "saveDraft", session: { gateway: "home", session: "s-new" }, text: "half a thou" }]);
    await act(() => host.patch({ type: "target", target: { gateway: "home", session: "other", title: "O", agent: "main", draft: "kept here" } }));
    expect(prompt.value).toBe("kept here");
    await act(() => host.patch({ type: "target", target: { gateway: "home", session: "s-new", title: "New session", agent: "main", draft: "half a thou" } }));
    expect(prompt.value).toBe("half a thou");
  });

  test("an update of the target does not touch what is being written", async () => {
    const { host, prompt } = await show("new");
    await type(prompt, "writing");
    await act(() => host.patch({ type: "target", target: { ...host.view.target, title: "Renamed", draft: "stale" } }));
    expect(prompt.value).toBe("writing");
  });

  test("a prefill fills an empty prompt, stands below what is written, and stays out of another session", async () => {
    const { host, prompt } = await show("new");
    const prefill = (gateway: string, session: string, text: string): Promise<void> =>
      act(async () => {
        host.signal({ type: "prefill", session: { gateway, session }, text });
        await settle();
      });
    await prefill("home", "s-new", "From the shell");
    expect(prompt.value).toBe("From the shell");
    await type(prompt, "My own words");
    await prefill("home", "s-new", "From a link");
    expect(prompt.value).toBe("My own words\n\nFrom a link");
    await prefill("home", "s-other", "not here");
    await prefill("ops-gw", "s-new", "nor here");
    expect(prompt.value).toBe("My own words\n\nFrom a link");
  });

  test("a draft is saved to the gateway it was written for, though the same session exists on the next one", async () => {
    const { host, prompt } = await show("new");
    const target = { session: "s-new", title: "New session", agent: "main" };
    await type(prompt, "for home");
    await act(() => host.patch({ type: "target", target: { ...target, gateway: "ops-gw", draft: "of ops" } }));
    expect(asked(host, "saveDraft")).toEqual([{ type: "saveDraft", session: { gateway: "home", session: "s-new" }, text: "for home" }]);
    expect(prompt.value).toBe("of ops");
    await press(prompt, "Enter");
    expect(asked(host, "sendMessage")).toEqual([{ type: "sendMessage", session: { gateway: "ops-gw", session: "s-new" }, text: "of ops" }]);
  });

  test("a refused prompt comes back where it was written, not to the session that is shown by then", async () => {
    const { host, prompt } = await show("new");
    host.failNext = { type: "sendMessage", error: { code: "too-large", message: "The message is too long." } };
    await type(prompt, "for home");
    await act(async () => {
      prompt.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
      host.patch({ type: "target", target: { gateway: "ops-gw", session: "s-new", title: "O", agent: "main", draft: "" } });
      await settle();
    });
    expect(prompt.value).toBe("");
    expect(asked(host, "saveDraft")).toContainEqual({ type: "saveDraft", session: { gateway: "home", session: "s-new" }, text: "for home" });
  });
});

describe("Esc", () => {
  test("closes a list first, then hides, and never stops the run", async () => {
    const { host, popup, prompt } = await show("streaming");
    await press(prompt, "k", { ctrlKey: true });
    expect(popup.picker.value).toBe("sessions");
    await press(document.querySelector(".filter")!, "Escape");
    expect(popup.picker.value).toBeUndefined();
    expect(asked(host, "hideWindow")).toHaveLength(0);
    await press(prompt, "Escape");
    expect(asked(host, "hideWindow")).toHaveLength(1);
    expect(asked(host, "stop")).toHaveLength(0);
  });

  test("closes the command list and leaves what was typed", async () => {
    const { host, prompt } = await show("new");
    await type(prompt, "/co");
    expect(document.querySelectorAll('[role="option"]')).toHaveLength(3);
    await press(prompt, "Escape");
    expect(document.querySelectorAll('[role="option"]')).toHaveLength(0);
    expect(prompt.value).toBe("/co");
    expect(asked(host, "hideWindow")).toHaveLength(0);
  });
});

describe("lists", () => {
  test("/ completes commands: arrows choose, Tab inserts, Enter runs", async () => {
    const { host, prompt } = await show("new");
    await type(prompt, "/co");
    await press(prompt, "ArrowDown");
    expect(document.querySelector('[aria-selected="true"]')!.textContent).toContain("/context");
    expect(prompt.getAttribute("aria-activedescendant")).toBe(document.querySelector('[aria-selected="true"]')!.id);
    await press(prompt, "Tab");
    expect(prompt.value).toBe("/context ");
    await type(prompt, "/cos");
    await press(prompt, "Enter");
    expect(asked(host, "sendMessage").map((request) => (request as { text: string }).text)).toEqual(["/cost"]);
  });

  test("@ picks an agent and keeps the rest of the text", async () => {
    const { host, prompt } = await show("new");
    await type(prompt, "Check the disk @op");
    await press(prompt, "Enter");
    expect(asked(host, "newSession")).toEqual([{ type: "newSession", gateway: "home", agent: "ops" }]);
    expect(prompt.value).toBe("Check the disk");
    expect(asked(host, "sendMessage")).toHaveLength(0);
  });

  test("the empty popup continues a recent session with ↓ and Enter", async () => {
    const { host, prompt } = await show("empty");
    await press(prompt, "ArrowDown");
    await press(prompt, "Enter");
    expect(asked(host, "setTarget")).toEqual([{ type: "setTarget", session: { gateway: "home", session: "s-disk" } }]);
    expect(asked(host, "sendMessage")).toHaveLength(0);
  });

  test("any session is a few letters away", async () => {
    const { host, prompt } = await show("empty");
    await press(prompt, "k", { ctrlKey: true });
    const filter = document.querySelector<HTMLInputElement>(".filter")!;
    await type(filter, "lisb");
    expect(document.querySelector('[aria-selected="true"]')!.textContent).toContain("Trip to Lisbon in March");
    await press(filter, "Enter");
    expect(asked(host, "setTarget")).toEqual([{ type: "setTarget", session: { gateway: "home", session: "s-lisbon" } }]);
  });
});

describe("approvals", () => {
  test("Alt A approves once, Alt D denies, Enter does nothing", async () => {
    for (const [code, decision] of [["KeyA", "allow-once"], ["KeyD", "deny"]] as const) {
      const { host, prompt } = await show("approval");
      await press(prompt, "Enter");
      expect(asked(host, "resolveApproval")).toHaveLength(0);
      await press(prompt, code === "KeyA" ? "a" : "d", { altKey: true, code });
      expect(asked(host, "resolveApproval")).toEqual([{ type: "resolveApproval", gateway: "home", id: "ap1", decision }]);
      render(null, place!);
      place!.remove();
    }
  });

  test("a command's folder, program, host and node are told beside its warning, and nothing invisible", async () => {
    const { host } = await show("approval");
    const facts = (): string[] => [...document.querySelectorAll(".facts dt, .facts dd")].map((entry) => entry.textContent);
    expect(facts()).toEqual(["Program", "/usr/bin/docker", "Folder", "/srv/lumen", "Host", "node", "Node", "staging-2"]);
    // A line of the detail is no fact, whatever it looks like.
    const forged = { ...host.view.approvals[0]!, detail: "Folder: /harmless", facts: [{ kind: "program" as const, value: "/tmp/\u202esl" }] };
    await act(() => host.patch({ type: "approvals", approvals: [forged] }));
    expect(facts()).toEqual(["Program", "/tmp/U+202Esl"]);
    expect(document.querySelector(".approval p")!.textContent).toBe("Folder: /harmless");
  });

  test("an expired one cannot be approved", async () => {
    const { host, prompt } = await show("approval");
    await act(() => host.patch({ type: "approvals", approvals: [{ ...host.view.approvals[0]!, expiresAtMs: Date.now() - 1000 }] }));
    await press(prompt, "a", { altKey: true, code: "KeyA" });
    expect(asked(host, "resolveApproval")).toHaveLength(0);
    expect([...document.querySelectorAll<HTMLButtonElement>(".approval button")].every((button) => button.disabled)).toBe(true);
  });

  test("always allowing repeats the command and asks again", async () => {
    const { host } = await show("approval");
    const button = (label: string): HTMLButtonElement =>
      [...document.querySelectorAll<HTMLButtonElement>(".approval button")].find((entry) => entry.textContent.startsWith(label))!;
    await act(() => button("Always allow").click());
    expect(asked(host, "resolveApproval")).toHaveLength(0);
    expect(document.querySelector(".approval")!.textContent).toContain("docker system prune");
    await act(() => button("Always allow").click());
    expect(asked(host, "resolveApproval")).toEqual([{ type: "resolveApproval", gateway: "home", id: "ap1", decision: "allow-always" }]);
  });
});

describe("updates", () => {
  test("a lost patch brings a new subscription and the right text", async () => {
    const { host } = await show("streaming");
    await act(async () => {
      host.skip();
      host.patch({ type: "notices", notices: [] });
      await settle();
    });
    await act(async () => {
      host.patch({ type: "run", run: null });
      await settle();
    });
    expect(document.querySelector(".state")!.textContent).toContain("connected");
  });

  test("the stop button is there only while something can be stopped", async () => {
    const { host } = await show("streaming");
    expect(document.querySelector(".go.stop")).not.toBeNull();
    const { connection } = host.view;
    await act(() =>
      host.patch({ type: "connection", connection: { ...connection, capabilities: { ...connection.capabilities, abort: false } } }),
    );
    expect(document.querySelector(".go.stop")).toBeNull();
  });
});
