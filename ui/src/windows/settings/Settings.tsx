import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { GatewayView } from "../../api/GatewayView";
import type { NotificationSettings } from "../../api/NotificationSettings";
import type { Settings } from "../../api/Settings";
import { StateDot } from "../../components/bits";
import { CommandLine } from "../../components/Connection";
import { AddGateway } from "../../components/FirstRun";
import { Icon, type IconName, Mark } from "../../components/Icon";
import { Failure } from "../../components/NeedsYou";
import { type Link, useLink } from "../../state/session";
import { LANGUAGES, locale, t } from "../../strings";
import { connectionSentence, connectionWord } from "../../text/connection";
import { bytes } from "../../text/format";
import { numberFormat } from "../../text/formats";
import { sentenceCase } from "../../text/tools";
import { Switch } from "../../components/Switch";
import { Choice, Row } from "./controls";
import { Bridge } from "./Bridge";
import { Report } from "./Report";
import { Spoken } from "./Spoken";
import { HotkeyField } from "./Hotkey";

type Page = "gateways" | "shortcuts" | "notifications" | "appearance" | "privacy" | "about";

const page = signal<Page>("gateways");
const removing = signal<GatewayView | undefined>(undefined);
const clearing = signal<GatewayView | undefined>(undefined);
const adding = signal(false);

/** Changes apply at once; there is nothing to save. */
export function SettingsView({ link }: { link: Link }): JSX.Element {
  const words = t();
  const pages: [Page, IconName, string][] = [
    ["gateways", "server", words.gateways],
    ["shortcuts", "keyboard", words.shortcuts],
    ["notifications", "bell", words.notificationsPage],
    ["appearance", "sun", words.appearance],
    ["privacy", "lock", words.privacy],
    ["about", "info", words.about],
  ];
  const { settings } = link.model.parts;
  const change = (patch: Partial<Settings>): void => void link.ask({ type: "changeSettings", patch });
  return (
    <div class="settings">
      <nav aria-label={words.settingsTitle}>
        <div class="logo">
          <Mark />
          Clawtray
        </div>
        {pages.map(([name, icon, label]) => (
          <button key={name} type="button" aria-current={page.value === name ? "page" : undefined} onClick={() => (page.value = name)}>
            <Icon name={icon} />
            {label}
          </button>
        ))}
      </nav>
      <main class="page">
        <Failure link={link} />
        {page.value === "gateways" && <Gateways settings={settings.value} change={change} />}
        {page.value === "shortcuts" && <Shortcuts settings={settings.value} change={change} />}
        {page.value === "notifications" && <Notifications settings={settings.value} change={change} />}
        {page.value === "appearance" && <Appearance settings={settings.value} change={change} />}
        {page.value === "privacy" && <Privacy settings={settings.value} change={change} />}
        {page.value === "about" && <About />}
      </main>
      {removing.value !== undefined && <Removal gateway={removing.value} />}
      {clearing.value !== undefined && <Clearing gateway={clearing.value} />}
    </div>
  );
}

interface Part {
  settings: Settings;
  change: (patch: Partial<Settings>) => void;
}

function Title({ title, lead }: { title: string; lead: string }): JSX.Element {
  return (
    <>
      <h1>{title}</h1>
      <p class="lead">{lead}</p>
    </>
  );
}

function Gateways({ settings, change }: Part): JSX.Element {
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

function Clearing({ gateway }: { gateway: GatewayView }): JSX.Element {
  const link = useLink();
  const words = t();
  return (
    <Confirmation
      title={words.clearCacheTitle(gateway.name)}
      sentence={words.clearCacheSentence}
      action={words.clearCacheConfirm}
      close={() => (clearing.value = undefined)}
      run={() => void link.ask({ type: "clearCache", id: gateway.id })}
    />
  );
}

/** What cannot be taken back is asked once, with what is lost. */
function Confirmation({ title, sentence, action, close, run }: { title: string; sentence: string; action: string; close: () => void; run: () => void }): JSX.Element {
  const words = t();
  const cancel = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => cancel.current?.focus(), []);
  return (
    <div class="over" onKeyDown={(event) => event.key === "Escape" && close()}>
      <div class="card confirmation" role="alertdialog" aria-modal="true" aria-labelledby="confirm-title" aria-describedby="confirm-sentence">
        <h3 id="confirm-title">{title}</h3>
        <p id="confirm-sentence">{sentence}</p>
        <div class="actions">
          <span class="grow" />
          <button type="button" class="button" ref={cancel} onClick={close}>
            {words.cancel}
          </button>
          <button
            type="button"
            class="button destroy"
            onClick={() => {
              close();
              run();
            }}
          >
            {action}
          </button>
        </div>
      </div>
    </div>
  );
}

function Shortcuts({ settings, change }: Part): JSX.Element {
  const link = useLink();
  const words = t();
  const hotkey = link.model.parts.hotkey.value;
  const wrong = hotkey.state === "taken" || hotkey.state === "refused" || hotkey.state === "unavailable";
  return (
    <>
      <Title title={words.shortcuts} lead={words.shortcutsLead} />
      <div class="group">
        <Row title={words.openQuickChat} detail={wrong ? hotkey.sentence : words.pressAgainHides}>
          <HotkeyField label={words.openQuickChat} keys={settings.hotkey} wrong={wrong} onChange={(keys) => change({ hotkey: keys })} />
        </Row>
        <Row title={words.sendWith}>
          <Choice
            label={words.sendWith}
            value={settings.sendKey}
            options={[
              ["enter", "Enter"],
              ["ctrl-enter", "Ctrl Enter"],
            ]}
            onChange={(sendKey) => change({ sendKey })}
          />
        </Row>
        <Row title={words.hideElsewhere} detail={words.pinOverrides}>
          <Switch label={words.hideElsewhere} on={settings.hideOnBlur} onChange={(hideOnBlur) => change({ hideOnBlur })} />
        </Row>
      </div>
      <p class="footnote">{words.bindCommand}</p>
      <CommandLine command="clawtray --toggle" />
    </>
  );
}

function Notifications({ settings, change }: Part): JSX.Element {
  const words = t();
  const { notifications } = settings;
  const set = (patch: Partial<NotificationSettings>): void => change({ notifications: { ...notifications, ...patch } });
  type Kind = "enabled" | "replies" | "approvals" | "questions" | "failures" | "gateway" | "pairing" | "cron";
  const kinds: [Kind, string][] = [
    ["replies", words.notifyReplies],
    ["approvals", words.notifyApprovals],
    ["questions", words.notifyQuestions],
    ["failures", words.notifyFailures],
    ["gateway", words.notifyGateway],
    ["pairing", words.notifyPairing],
    ["cron", words.notifyCron],
  ];
  const quiet = notifications.quietFrom !== "" && notifications.quietTo !== "";
  return (
    <>
      <Title title={words.notificationsPage} lead={words.notificationsLead} />
      <div class="group">
        <Row title={words.notifyAll}>
          <Switch label={words.notifyAll} on={notifications.enabled} onChange={(enabled) => set({ enabled })} />
        </Row>
      </div>
      {notifications.enabled && (
        <>
          <h2>{words.tellMe}</h2>
          <div class="group">
            {kinds.map(([kind, label]) => (
              <Row key={kind} title={label}>
                <Switch label={label} on={notifications[kind]} onChange={(on) => set({ [kind]: on })} />
              </Row>
            ))}
          </div>
          <h2>{words.how}</h2>
          <div class="group">
            <Row title={words.showOnScreen}>
              <Choice
                label={words.showOnScreen}
                value={notifications.privacy}
                options={[
                  ["full", words.privacyFull],
                  ["sender", words.privacySender],
                  ["nothing", words.privacyNothing],
                ]}
                onChange={(privacy) => set({ privacy })}
              />
            </Row>
            <Row title={words.lookForNews} detail={words.lookForNewsLead}>
              <Choice
                label={words.lookForNews}
                value={String(settings.pollSeconds)}
                options={[...new Set([15, 60, 300, settings.pollSeconds, 0])].map((seconds): [string, string] => [String(seconds), rate(seconds)])}
                onChange={(seconds) => change({ pollSeconds: Number(seconds) })}
              />
            </Row>
            <Row title={words.quietHours}>
              {quiet && (
                <>
                  <input type="time" class="field time" aria-label={words.from} value={notifications.quietFrom} onChange={(event) => event.currentTarget.value && set({ quietFrom: event.currentTarget.value })} />
                  <span class="dim">{words.to}</span>
                  <input type="time" class="field time" aria-label={words.to} value={notifications.quietTo} onChange={(event) => event.currentTarget.value && set({ quietTo: event.currentTarget.value })} />
                </>
              )}
              <Switch
                label={words.quietHours}
                on={quiet}
                onChange={(on) => set(on ? { quietFrom: "22:00", quietTo: "07:00" } : { quietFrom: "", quietTo: "" })}
              />
            </Row>
          </div>
        </>
      )}
    </>
  );
}

function Appearance({ settings, change }: Part): JSX.Element {
  const words = t();
  return (
    <>
      <Title title={words.appearance} lead={words.appearanceLead} />
      <div class="group">
        <Row title={words.theme}>
          <Choice
            label={words.theme}
            value={settings.theme}
            options={[
              ["system", words.themeSystem],
              ["light", words.themeLight],
              ["dark", words.themeDark],
            ]}
            onChange={(theme) => change({ theme })}
          />
        </Row>
        <Row title={words.language}>
          <select class="field select" aria-label={words.language} value={settings.language} onChange={(event) => change({ language: event.currentTarget.value })}>
            <option value="system">{words.themeSystem}</option>
            {Object.entries(LANGUAGES).map(([tag, name]) => (
              <option key={tag} value={tag} lang={tag}>
                {name}
              </option>
            ))}
          </select>
        </Row>
        <Row title={words.startWithSystem}>
          <Switch label={words.startWithSystem} on={settings.autostart} onChange={(autostart) => change({ autostart })} />
        </Row>
        <Row title={words.startHidden}>
          <Switch label={words.startHidden} on={settings.startHidden} onChange={(startHidden) => change({ startHidden })} />
        </Row>
      </div>
    </>
  );
}

/** How often, in few words. */
function rate(seconds: number): string {
  if (seconds === 0) return t().lookNever;
  const [value, unit] = seconds % 60 === 0 ? [seconds / 60, "minute"] : [seconds, "second"];
  return numberFormat(locale(), { style: "unit", unit, unitDisplay: "short" }).format(value);
}

const BUDGETS = [128, 512, 2048];

function Privacy({ settings, change }: Part): JSX.Element {
  const words = t();
  const { gateways } = useLink().model.parts;
  const budgets = [...new Set([...BUDGETS, settings.cacheMegabytes])].sort((a, b) => a - b);
  return (
    <>
      <Title title={words.privacy} lead={words.privacyLead} />
      <div class="group">
        <Row title={words.localCopy} detail={words.localCopyLead}>
          <Choice
            label={words.localCopy}
            value={String(settings.cacheMegabytes)}
            options={budgets.map((megabytes): [string, string] => [String(megabytes), bytes(megabytes * 1_000_000, locale())])}
            onChange={(megabytes) => change({ cacheMegabytes: Number(megabytes) })}
          />
        </Row>
      </div>
      {gateways.value.length > 0 && (
        <div class="group copies">
          {gateways.value.map((gateway) => (
            <Row key={gateway.id} title={words.localCopyOf(gateway.name)}>
              <button type="button" class="button medium" aria-label={words.clearCacheOf(gateway.name)} onClick={() => (clearing.value = gateway)}>
                {words.clearCache}
              </button>
            </Row>
          ))}
        </div>
      )}
      <p class="footnote">
        <Icon name="lock" small />
        {words.noTelemetry}
      </p>
    </>
  );
}

function About(): JSX.Element {
  const words = t();
  const { version, connection } = useLink().model.parts;
  return (
    <>
      <h1>Clawtray</h1>
      <div class="group">
        <Row title={words.versionWord}>
          <span class="number">{version.value}</span>
        </Row>
        {connection.value.version !== undefined && (
          <Row title={words.gatewayWord} detail={connection.value.gateway}>
            <span class="number">{connection.value.version}</span>
          </Row>
        )}
      </div>
      <Report />
    </>
  );
}
