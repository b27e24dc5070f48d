import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useLink } from "../state/session";
import { t } from "../strings";
import { CommandLine, SessionOnly } from "./Connection";
import { Icon } from "./Icon";

const isGatewayAddress = (address: string): boolean => /^(?:wss?|https?|ssh):\/\/[^\s/]+/i.test(address.trim());

/** No gateway yet: what was found, another one by its address, or the built-in one. */
export function FirstRun(): JSX.Element {
  const link = useLink();
  const words = t();
  const found = link.model.parts.found.value;
  const [adding, setAdding] = useState(false);
  const [sessionOnly, setSessionOnly] = useState(false);
  // Only after the keychain was asked in vain is there something to choose.
  const noKeychain = link.failure.value?.code.startsWith("keychain") ?? false;
  const best = found.find((gateway) => gateway.reachable) ?? found[0];
  return (
    <div class="first">
      <h2>{words.firstTitle}</h2>
      {link.model.parts.connection.value.sentence !== "" && <p class="soft">{link.model.parts.connection.value.sentence}</p>}
      {found.length > 0 && <h3>{words.firstFound}</h3>}
      <ul>
        {found.map((gateway) => (
          <li class="offer" key={gateway.id}>
            <span class="tile neutral">
              <Icon name="wifi" />
            </span>
            <div class="grow">
              <b>{gateway.name}</b>
              <span class="text mono clip">{gateway.url}</span>
              <span class="text">
                {words.foundIn(gateway.source)}, {gateway.hasToken ? words.withToken : words.withoutToken}
                {gateway.certificate !== undefined && ` · ${words.withCertificate}`}
                {!gateway.reachable && ` · ${words.notAnswering}`}
              </span>
              {gateway.note !== undefined && <span class="text">{gateway.note}</span>}
              {gateway.command !== undefined && <CommandLine command={gateway.command} />}
            </div>
            <button
              type="button"
              class={gateway === best && !adding ? "button primary" : "button"}
              onClick={() => void link.ask({ type: "acceptFoundGateway", id: gateway.id, sessionOnly: noKeychain && sessionOnly })}
            >
              {words.connect}
            </button>
          </li>
        ))}
        <li class="offer">
          <span class="tile neutral">
            <Icon name="cube" />
          </span>
          <div class="grow">
            <b>{words.builtIn}</b>
            <span class="text">{words.builtInSentence}</span>
          </div>
          <button type="button" class={found.length === 0 && !adding ? "button primary" : "button"} onClick={() => void link.ask({ type: "useEmbeddedGateway" })}>
            {words.tryIt}
          </button>
        </li>
      </ul>
      {noKeychain && !adding && <SessionOnly checked={sessionOnly} onChange={setSessionOnly} />}
      {adding ? (
        <AddGateway onDone={() => setAdding(false)} />
      ) : (
        <div class="line start">
          <button type="button" class="button plain" onClick={() => setAdding(true)}>
            <Icon name="plus" small />
            {words.addOther}
          </button>
          <button type="button" class="button plain" onClick={() => void link.ask({ type: "discoverGateways" })}>
            <Icon name="redo" small />
            {words.searchAgain}
          </button>
        </div>
      )}
    </div>
  );
}

/** The HTTP dialects by their names, which are the same in every language. */
const DIALECTS = ["sessions", "sessions-list", "gateway", "chat-v1", "messages-v1", "openai"];

/** A gateway by address and token. The token is handed over once and kept nowhere here. */
export function AddGateway({ onDone }: { onDone: () => void }): JSX.Element {
  const link = useLink();
  const words = t();
  const [sessionOnly, setSessionOnly] = useState(false);
  const [wrong, setWrong] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const read = (name: string): string => {
      const field = form.elements.namedItem(name);
      return field instanceof HTMLInputElement || field instanceof HTMLSelectElement ? field.value.trim() : "";
    };
    const url = read("url");
    if (!isGatewayAddress(url)) {
      setWrong(true);
      return;
    }
    setWrong(false);
    const answer = await link.ask({
      type: "addGateway",
      name: read("name") || new URL(url).hostname,
      url,
      token: read("token") || undefined,
      sessionOnly,
      dialect: read("dialect") || undefined,
    });
    if (answer !== undefined) {
      form.reset();
      onDone();
    }
  };
  return (
    <form class="add" onSubmit={(event) => void submit(event)} novalidate>
      <label>
        <span>{words.addressLabel}</span>
        <input name="url" class="field" type="url" placeholder="ws://127.0.0.1:18789" spellcheck={false} autocomplete="off" autofocus aria-invalid={wrong} aria-describedby={wrong ? "address-wrong" : "address-hint"} />
      </label>
      <p class="hint" id="address-hint">
        {words.overSsh}
      </p>
      {wrong && (
        <p class="danger" id="address-wrong" role="alert">
          {words.addressWrong}
        </p>
      )}
      <label>
        <span>{words.nameLabel}</span>
        <input name="name" class="field" type="text" placeholder="Home" autocomplete="off" />
      </label>
      <label>
        <span>{words.tokenOptional}</span>
        <input name="token" class="field" type="password" autocomplete="off" spellcheck={false} />
      </label>
      <label>
        <span>{words.dialectLabel}</span>
        <select name="dialect" class="field select">
          <option value="">{words.dialectAuto}</option>
          <option value="native">WebSocket</option>
          {DIALECTS.map((dialect) => (
            <option key={dialect} value={dialect}>
              {`HTTP · ${dialect}`}
            </option>
          ))}
        </select>
      </label>
      <SessionOnly checked={sessionOnly} onChange={setSessionOnly} />
      <div class="line">
        <button type="button" class="button plain" onClick={onDone}>
          {words.back}
        </button>
        <span class="grow" />
        <button type="submit" class="button primary">
          {words.connect}
        </button>
      </div>
    </form>
  );
}
