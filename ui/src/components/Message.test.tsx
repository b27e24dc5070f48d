import { render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import { baseView, message } from "../host/fake/parts";
import { Sight } from "../markdown/sight";
import { Model } from "../state/model";
import { type Link, LinkProvider } from "../state/session";
import { Message, type MessageActions } from "./Message";

vi.stubGlobal("IntersectionObserver", Sight);
const page = document.body.appendChild(document.createElement("div"));
afterEach(() => render(null, page));

test("what the gateway left out of a message is a note with a way to get it", () => {
  const asked: string[] = [];
  const model = new Model();
  const view = baseView();
  view.transcript = {
    gateway: "home",
    session: "s",
    messages: [
      { ...message("omitted", "assistant", ""), cut: { message: "m1", omitted: true } },
      { ...message("shortened", "assistant", "The beginning"), cut: { message: "m2", omitted: false } },
      message("whole", "assistant", "All of it"),
    ],
    hasOlder: false,
    loading: false,
  };
  model.apply({ type: "snapshot", revision: 1, view });
  const link = { model } as unknown as Link;
  const actions = { whole: (id: string) => asked.push(id), onGrow: () => undefined } as unknown as MessageActions;
  const draw = (id: string): string => {
    render(
      <LinkProvider value={link}>
        <Message cell={model.cell(id)!} last={false} actions={actions} />
      </LinkProvider>,
      page,
    );
    page.querySelector<HTMLButtonElement>(".ended button")?.click();
    return page.querySelector(".ended")?.textContent ?? "";
  };
  expect(draw("omitted")).toContain("leaves this message out");
  expect(draw("shortened")).toContain("only the beginning");
  expect(draw("whole")).toBe("");
  expect(asked).toEqual(["m1", "m2"]);
});
