import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { GatewayView } from "../../api/GatewayView";
import { useLink } from "../../state/session";
import { t } from "../../strings";
import { Row } from "./controls";

/** The HTTP dialects by the names that the app and `clawctl` know them by. */
const DIALECTS = ["sessions", "sessions-list", "gateway", "chat-v1", "messages-v1", "openai"] as const;
const WITH_WEBHOOKS = "messages-v1";
const USUAL_PORT = 8787;

/** What each gateway is spoken to in, and where those without a socket tell what nobody here asked for. */
export function Spoken({ gateways }: { gateways: readonly GatewayView[] }): JSX.Element | null {
  const link = useLink();
  const words = t();
  const foreign = gateways.filter((gateway) => !gateway.embedded);
  if (foreign.length === 0) return null;
  return (
    <>
      <h2>{words.spokenThere}</h2>
      <div class="group">
        {foreign.map((gateway) => (
          <Row key={gateway.id} title={gateway.name} detail={words.spokenLead}>
            <select
              class="field select"
              aria-label={words.spokenWith(gateway.name)}
              value={gateway.dialect}
              onChange={(event) => void link.ask({ type: "setGatewayDialect", id: gateway.id, dialect: event.currentTarget.value })}
            >
              <option value="auto">{words.spokenAuto}</option>
              <option value="native">{words.spokenNative}</option>
              {DIALECTS.map((name) => (
                <option key={name} value={name}>
                  {`HTTP: ${name}`}
                </option>
              ))}
            </select>
          </Row>
        ))}
        {foreign.filter(tellsByWebhook).map((gateway) => (
          <Webhook key={gateway.id} gateway={gateway} />
        ))}
      </div>
    </>
  );
}

function tellsByWebhook({ dialect, webhookPort, connection }: GatewayView): boolean {
  return webhookPort !== undefined || dialect === WITH_WEBHOOKS || (dialect === "auto" && connection.word === "ready" && !connection.capabilities.native);
}

function Webhook({ gateway }: { gateway: GatewayView }): JSX.Element {
  const link = useLink();
  const words = t();
  const [open, setOpen] = useState(false);
  const { id, name, webhookPort } = gateway;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const fields = (event.currentTarget as HTMLFormElement).elements;
    const port = fields.namedItem("port");
    const secret = fields.namedItem("secret");
    if (!(port instanceof HTMLInputElement) || !(secret instanceof HTMLInputElement) || secret.value.trim() === "") return;
    void link.ask({ type: "setGatewayWebhook", id, port: Number(port.value), secret: secret.value.trim() });
    // Handed over, and forgotten here.
    secret.value = "";
    setOpen(false);
  };
  return (
    <>
      <Row title={words.webhooksOf(name)} detail={webhookPort === undefined ? words.webhooksLead : words.webhooksArrive(`http://127.0.0.1:${webhookPort}`)}>
        {webhookPort === undefined ? (
          <button type="button" class="button medium" aria-expanded={open} onClick={() => setOpen(!open)}>
            {words.webhooksReceive}
          </button>
        ) : (
          <button type="button" class="button medium" onClick={() => void link.ask({ type: "setGatewayWebhook", id })}>
            {words.webhooksEnd}
          </button>
        )}
      </Row>
      {open && webhookPort === undefined && (
        <form class="setting" onSubmit={submit}>
          <input name="port" type="number" min={1024} max={65535} required class="field port" aria-label={words.portLabel} defaultValue={String(USUAL_PORT)} />
          <input name="secret" type="password" required class="field grow" aria-label={words.webhookSecret} placeholder={words.webhookSecret} autocomplete="off" spellcheck={false} autofocus />
          <button type="submit" class="button primary medium">
            {words.webhooksReceive}
          </button>
        </form>
      )}
    </>
  );
}
