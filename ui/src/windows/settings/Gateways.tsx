import { signal } from "@preact/signals";
import type { JSX } from "preact";
import type { GatewayView } from "../../api/GatewayView";
import { StateDot } from "../../components/bits";
import { AddGateway } from "../../components/FirstRun";
import { Icon } from "../../components/Icon";
import { Switch } from "../../components/Switch";
import { useLink } from "../../state/session";
import { locale, t } from "../../strings";
import { connectionSentence, connectionWord } from "../../text/connection";
import { sentenceCase } from "../../text/tools";
import { Bridge } from "./Bridge";
import { Confirmation, type Part, Row, Title } from "./controls";
import { Spoken } from "./Spoken";

const removing = signal<GatewayView | undefined>(undefined);
const adding = signal(false);

/** Those that are known, those that were found, and what scripts are served. */
export function Gateways({ settings, change }: Part): JSX.Element {
  const link = useLink();
  const words = t();
  const { gateways, found } = link.model.parts;
  return (
    <>
      <Title title={words.gateways} lead={words.gatewaysLead} />
      {gateways.value.length > 0 && <h2>{words.yours}</h2>}
      {gateways.value.length > 0 && (
        <div class="group">
          {gateways.value.map((gateway) => (
            <Gateway key={gateway.id} gateway={gateway} />
          ))}
        </div>
      )}
      {gateways.value.length > 0 && (
        <>
          <h2>{words.rights}</h2>
          <div class="group">
            {gateways.value.map((gateway) => (
              <Row key={gateway.id} title={words.fullControl(gateway.name)} detail={words.fullControlLead}>
                <Switch label={words.fullControl(gateway.name)} on={gateway.fullControl} onChange={(on) => void link.ask({ type: "setFullControl", id: gateway.id, on })} />
              </Row>
            ))}
          </div>
        </>
      )}
      <Spoken gateways={gateways.value} />
      {found.value.length > 0 && (
        <>
          <h2>{words.firstFound}</h2>
          <div class="group">
            {found.value.map((gateway) => (
              <div class="setting" key={gateway.id}>
                <span class="server">
                  <Icon name="server" />
                </span>
                <div class="grow">
                  <b>{gateway.name}</b>
                  <span class="detail mono clip">{gateway.url}</span>
                </div>
                <button
                  type="button"
                  class="button medium"
                  onClick={() => void link.ask({ type: "acceptFoundGateway", id: gateway.id, sessionOnly: false })}
                >
                  <Icon name="plus" small />
                  {words.connect}
                </button>
              </div>
            ))}
          </div>
        </>
      )}
      {adding.value ? (
        <AddGateway onDone={() => (adding.value = false)} />
      ) : (
        <div class="below">
          <button type="button" class="button" onClick={() => (adding.value = true)}>
            <Icon name="plus" small />
            {words.addByAddress}
          </button>
          <button type="button" class="button plain" onClick={() => void link.ask({ type: "discoverGateways" })}>
            <Icon name="redo" small />
            {words.searchAgain}
          </button>
        </div>
      )}
      <p class="footnote">
        <Icon name="lock" small />
        {words.keychainNote}
      </p>
      {gateways.value.length > 0 && <Bridge settings={settings} change={change} />}
      {removing.value !== undefined && <Removal gateway={removing.value} />}
    </>
  );
}

function Gateway({ gateway }: { gateway: GatewayView }): JSX.Element {
  const link = useLink();
  const words = t();
  const { connection } = gateway;
  const waits = connection.word !== "ready" && connection.word !== "connecting";
  const numbers = [
    connection.latencyMs === undefined ? "" : `${connection.latencyMs} ms`,
    connection.version ?? "",
  ].filter(Boolean);
  return (
    <div class="setting">
      <span class="server">
        <Icon name="server" />
        <StateDot word={connection.word} />
      </span>
      <div class="grow">
        <b>
          {gateway.name}
          {gateway.active && <span class="tag">{words.current}</span>}
        </b>
        <span class="detail mono clip">{gateway.embedded ? words.builtInSentence : gateway.url}</span>
      </div>
      <span class="standing">
        <span class={connection.word === "pairing" || connection.word === "sign-in" ? "warning" : ""}>
          {sentenceCase(connectionWord(connection.word, words))}
        </span>
        <span class="dim number">{numbers.length > 0 ? numbers.join(" · ") : waits ? connectionSentence(connection, words, locale()) : ""}</span>
      </span>
      {waits && (
        <button type="button" class="button medium" onClick={() => void link.ask({ type: "reconnect", id: gateway.id })}>
          {words.tryNow}
        </button>
      )}
      {!gateway.active && (
        <button type="button" class="button medium" onClick={() => void link.ask({ type: "useGateway", id: gateway.id })}>
          {words.useThis}
        </button>
      )}
      <button
        type="button"
        class="icon-button"
        aria-label={`${words.removeGateway} ${gateway.name}`}
        title={words.removeGateway}
        onClick={() => (removing.value = gateway)}
      >
        <Icon name="trash" />
      </button>
    </div>
  );
}

function Removal({ gateway }: { gateway: GatewayView }): JSX.Element {
  const link = useLink();
  const words = t();
  return (
    <Confirmation
      title={`${words.removeGatewayTitle} ${gateway.name}`}
      sentence={words.removeGatewaySentence}
      action={words.remove}
      close={() => (removing.value = undefined)}
      run={() => void link.ask({ type: "removeGateway", id: gateway.id })}
    />
  );
}
