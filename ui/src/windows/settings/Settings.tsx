import { signal } from "@preact/signals";
import type { JSX } from "preact";
import type { GatewayView } from "../../api/GatewayView";
import type { Settings } from "../../api/Settings";
import { CommandLine } from "../../components/Connection";
import { Icon, type IconName, Mark } from "../../components/Icon";
import { Failure } from "../../components/NeedsYou";
import { Switch } from "../../components/Switch";
import { type Link, useLink } from "../../state/session";
import { LANGUAGES, locale, t } from "../../strings";
import { bytes } from "../../text/format";
import { Choice, Confirmation, type Part, Row, Title } from "./controls";
import { Gateways } from "./Gateways";
import { HotkeyField } from "./Hotkey";
import { Notifications } from "./Notifications";
import { Report } from "./Report";

type Page = "gateways" | "shortcuts" | "notifications" | "appearance" | "privacy" | "about";

const page = signal<Page>("gateways");
const clearing = signal<GatewayView | undefined>(undefined);

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
      {clearing.value !== undefined && <Clearing gateway={clearing.value} />}
    </div>
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

function Shortcuts({ settings, change }: Part): JSX.Element {
  const link = useLink();
  const words = t();
  const hotkey = link.model.parts.hotkey.value;
  const wrong = hotkey.state === "taken" || hotkey.state === "unset" || hotkey.state === "refused" || hotkey.state === "unavailable";
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
