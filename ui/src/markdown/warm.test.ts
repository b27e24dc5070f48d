import { expect, test, vi } from "vitest";
import { Sight } from "./sight";
import { warmUp } from "./warm";

vi.stubGlobal("IntersectionObserver", Sight);

test("everything is drawn once out of sight, and nothing of it stays", async () => {
  const before = document.body.innerHTML;
  const drawn = new Set<string>();
  let hidden = true;
  const observer = new MutationObserver(() => {
    for (const element of document.querySelectorAll(".offscreen *")) {
      drawn.add(element.tagName.toLowerCase());
      hidden &&= element.closest("[aria-hidden=true]") !== null;
    }
  });
  observer.observe(document.body, { childList: true, subtree: true });
  warmUp();
  expect(document.querySelector(".offscreen")).not.toBeNull();
  await vi.waitFor(() => expect(document.querySelector(".offscreen")).toBeNull(), 10_000);
  observer.disconnect();
  expect(document.body.innerHTML).toBe(before);
  expect(hidden).toBe(true);
  for (const tag of ["h2", "p", "strong", "em", "code", "a", "ul", "ol", "li", "blockquote", "pre", "table"]) expect([...drawn]).toContain(tag);
});
