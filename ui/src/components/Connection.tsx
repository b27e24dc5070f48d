import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useLink } from "../state/session";
import { useNow } from "../state/clock";
import { locale, t } from "../strings";
import { connectionSentence, ownSentence } from "../text/connection";
import { countdown, elapsed } from "../text/format";
import { CopyButton, Keys, Spinner } from "./bits";
import { Icon } from "./Icon";
import { Note } from "./Note";

/** A command to run where the gateway lives. */
export function CommandLine({ command, primary, keys }: { command: string; primary?: boolean; keys?: string[] }): JSX.Element {
  return (
    <div class="command">
      <span class="sign" aria-hidden="true">
        $
      </span>
      <code class="grow clip" title={command}>
        {command}
      </code>
      <CopyButton text={() => command} class={primary ? "primary medium" : "medium"}>
        {keys && <Keys keys={keys} />}
      </CopyButton>
    </div>
  );
}

const activeGateway = (gateways: readonly { id: string; active: boolean }[]): string =>
  gateways.find((gateway) => gateway.active)?.id ?? "";

/** The strip above the conversation while the gateway cannot be used; nothing while it can. */
export function ConnectionNote(): JSX.Element | null {
  const link = useLink();
  const words = t();
  const connection = link.model.parts.connection.value;
  const id = activeGateway(link.model.parts.gateways.value);
  const now = useNow(connection.retryAtMs !== undefined).value;
  const { word, nextStep, retryAtMs, command } = connection;
  if (!["offline", "soon-back", "rate-limited", "protocol-mismatch", "insecure", "user-offline", "refused"].includes(word)) return null;
  const leftMs = retryAtMs === undefined ? 0 : retryAtMs - now;
  const label = nextStep === "go-online" ? words.goOnline : words.tryNow;
  const canTry = nextStep === "try-now" || nextStep === "go-online" || nextStep === "update-gateway";
  return (
    <>
      <Note
        icon={word === "rate-limited" ? "clock" : word === "protocol-mismatch" || word === "refused" ? "info" : "off"}
        title={connectionSentence(connection, words, locale())}
        action={
          canTry && (
            <button type="button" class="button medium" onClick={() => void link.ask({ type: "reconnect", id })}>
              <Icon name="redo" small />
              {label}
            </button>
          )
        }
      >
        <span class="text">
          {leftMs > 0 && (
            <>
              <span class="number">{words.nextTry(leftMs < 60_000 ? elapsed(Math.ceil(leftMs / 1000) * 1000) : countdown(leftMs))}</span>{" "}
            </>
          )}
          {nextStep === "update-gateway" && command !== undefined ? words.updateSentence : words.waitsHere}
        </span>
      </Note>
      {command !== undefined && (
        <div class="note-command">
          <CommandLine command={command} />
        </div>
      )}
    </>
  );
}

/** The device is not known to the gateway: the command that approves it. */
export function Pairing(): JSX.Element {
  const link = useLink();
  const words = t();
  const { gateway, command } = link.model.parts.connection.value;
  const [sinceMs] = useState(Date.now());
  const now = useNow().value;
  return (
    <div class="center">
      <span class="tile accent">
        <Icon name="key" />
      </span>
      <h3>{words.pairingTitle}</h3>
      <p>{words.pairingSentence(gateway)}</p>
      {command !== undefined && <CommandLine command={command} primary keys={["Ctrl", "C"]} />}
      <div class="waits" role="status">
        <Spinner />
        {words.pairingWaits}
        <span class="dim number" aria-hidden="true">
          {countdown(Math.floor((now - sinceMs) / 1000) * 1000)}
        </span>
      </div>
    </div>
  );
}

/** The gateway does not take the token any more: a new one. */
export function SignIn(): JSX.Element {
  const link = useLink();
  const words = t();
  const connection = link.model.parts.connection.value;
  const [sessionOnly, setSessionOnly] = useState(false);
  return (
    <div class="center">
      <span class="tile accent">
        <Icon name="key" />
      </span>
      <h3>{words.signInTitle}</h3>
      <p>{connectionSentence(connection, words, locale())}</p>
      {connection.command !== undefined && <CommandLine command={connection.command} />}
      <TokenField sessionOnly={sessionOnly} primary />
      <SessionOnly checked={sessionOnly} onChange={setSessionOnly} />
    </div>
  );
}

/** A token for the active gateway. The window forgets it as soon as it is handed over. */
function TokenField({ sessionOnly, primary }: { sessionOnly: boolean; primary: boolean }): JSX.Element {
  const link = useLink();
  const words = t();
  const id = activeGateway(link.model.parts.gateways.value);
  const password = link.model.parts.connection.value.wantsPassword;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("token");
    if (!(field instanceof HTMLInputElement) || field.value.trim() === "") return;
    const token = field.value.trim();
    field.value = "";
    void link.ask({ type: "setGatewayToken", id, token, sessionOnly });
  };
  return (
    <form class="line" onSubmit={submit}>
      <input name="token" type="password" class="field grow" aria-label={password ? words.passwordLabel : words.tokenLabel} placeholder={password ? words.passwordHint : words.tokenHint} autocomplete="off" spellcheck={false} autofocus={primary} />
      <button type="submit" class={primary ? "button primary" : "button"}>
        {words.signIn}
      </button>
    </form>
  );
}

export function SessionOnly({ checked, onChange }: { checked: boolean; onChange: (on: boolean) => void }): JSX.Element {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      {t().sessionOnly}
    </label>
  );
}

/** The token cannot be read: the keychain is locked, absent or silent. */
export function KeychainClosed(): JSX.Element {
  const link = useLink();
  const words = t();
  const connection = link.model.parts.connection.value;
  const id = activeGateway(link.model.parts.gateways.value);
  const locked = connection.word === "keychain-locked";
  return (
    <div class="center">
      <span class="tile accent">
        <Icon name="lock" />
      </span>
      <h3>{locked ? words.keychainTitle : words.keychainUnreadableTitle}</h3>
      <p>{ownSentence(connection, locale()) ?? (locked ? words.keychainSentence : words.keychainUnreadableSentence)}</p>
      {connection.command !== undefined && <CommandLine command={connection.command} />}
      <div class="line middle-line">
        <button type="button" class="button primary" onClick={() => void link.ask({ type: "retryKeychain", id })}>
          {words.tryAgain}
        </button>
      </div>
      <p class="soft">{words.withoutKeychain}</p>
      <TokenField sessionOnly primary={false} />
    </div>
  );
}

/** A certificate nobody signed: its fingerprint, to compare and to trust. */
export function Certificate(): JSX.Element {
  const link = useLink();
  const words = t();
  const { gateway, fingerprint = "" } = link.model.parts.connection.value;
  const id = activeGateway(link.model.parts.gateways.value);
  const spaced = fingerprint.replace(/[^0-9a-f]/gi, "").match(/.{1,4}/g)?.join(" ") ?? fingerprint;
  return (
    <div class="center">
      <span class="tile accent">
        <Icon name="lock" />
      </span>
      <h3>{words.certificateTitle}</h3>
      <p>{words.certificateSentence(gateway)}</p>
      <p class="fingerprint mono" aria-label={words.fingerprint}>
        {spaced}
      </p>
      <div class="line middle-line">
        <button type="button" class="button primary" onClick={() => void link.ask({ type: "trustCertificate", id, fingerprint })}>
          {words.trust}
        </button>
      </div>
    </div>
  );
}
