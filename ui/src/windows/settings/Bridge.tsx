import type { JSX } from "preact";
import type { Settings } from "../../api/Settings";
import { CommandLine } from "../../components/Connection";
import { Switch } from "../../components/Switch";
import { useLink } from "../../state/session";
import { t } from "../../strings";
import { Row } from "./controls";

const MAKE_A_KEY = "clawctl api-key create --label my-scripts";

/** The HTTP APIs for scripts: whether they are served, where, and how callers get a key. */
export function Bridge({ settings, change }: { settings: Settings; change: (patch: Partial<Settings>) => void }): JSX.Element {
  const link = useLink();
  const words = t();
  const { state, url, sentence } = link.model.parts.bridge.value;
  const standing = !settings.bridge
    ? words.bridgeLead
    : state === "listening"
      ? words.bridgeAt(url)
      : state === "failed"
        ? words.bridgeFailed(sentence)
        : words.bridgeWaits;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const port = (event.currentTarget as HTMLFormElement).elements.namedItem("port");
    if (port instanceof HTMLInputElement) change({ bridgePort: Number(port.value) });
  };
  return (
    <>
      <h2>{words.scripts}</h2>
      <div class="group">
        <Row title={words.bridge} detail={standing}>
          <Switch label={words.bridge} on={settings.bridge} onChange={(bridge) => change({ bridge })} />
        </Row>
        {settings.bridge && (
          <form class="setting" onSubmit={submit}>
            <span class="grow">{words.bridgePort}</span>
            <input name="port" type="number" min={1024} max={65535} required class="field port" aria-label={words.bridgePort} defaultValue={String(settings.bridgePort)} key={settings.bridgePort} />
            <button type="submit" class="button medium">
              {words.bridgeUse}
            </button>
          </form>
        )}
      </div>
      {settings.bridge && (
        <>
          <p class="footnote">{words.bridgeKey}</p>
          <CommandLine command={MAKE_A_KEY} />
        </>
      )}
    </>
  );
}
