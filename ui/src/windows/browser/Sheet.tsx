import type { JSX } from "preact";
import { Conversation } from "./Conversation";
import { Side } from "./Side";
import type { Browser } from "./state";

/** The session that is open. It needs most of the code of the window, so it is fetched while the list is painted. */
export function Sheet({ browser }: { browser: Browser }): JSX.Element {
  return (
    <>
      <Conversation browser={browser} />
      {browser.panel.value && <Side browser={browser} />}
    </>
  );
}
