import type { JSX } from "preact";
import { NeedsYou } from "../../../components/NeedsYou";
import { t } from "../../../strings";
import type { Browser } from "../state";
import { Title } from "./parts";

/** Everything that waits for a decision, from all sessions. */
export function InboxPanel({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { approvals, questions, sessions } = browser.link.model.parts;
  const waiting = [...new Set([...approvals.value, ...questions.value].map(({ session }) => session))];
  const places = waiting.flatMap((key) => sessions.value.find((session) => session.key === key) ?? []);
  return (
    <>
      <Title>{words.needsYou}</Title>
      {waiting.length === 0 && <p class="dim">{words.nothingNeedsYou}</p>}
      <NeedsYou desk={browser} />
      {places.length > 0 && (
        <div>
          <h3>{words.waitingIn}</h3>
          <ul class="shares">
            {places.map((session) => (
              <li key={session.key}>
                <button type="button" class="share" onClick={() => browser.open(session.key)}>
                  <span class="grow clip" dir="auto">{session.title}</span>
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}
