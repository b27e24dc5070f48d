import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Icon, type IconName } from "../../components/Icon";
import { locale, t } from "../../strings";
import { channelName, modelName, shortTime, tokens } from "../../text/format";
import { AgentsPanel } from "./panels/Agents";
import { CronPanel } from "./panels/Cron";
import { InboxPanel } from "./panels/Inbox";
import { LogPanel } from "./panels/Log";
import { Title } from "./panels/parts";
import { StatusPanel } from "./panels/Status";
import { money, UsagePanel } from "./panels/Usage";
import { type Tab, TABS } from "./panels";
import type { Browser } from "./state";

const ICONS: Record<Tab, IconName> = { details: "info", inbox: "shield", usage: "bars", cron: "clock", status: "wifi", agents: "cube", log: "terminal" };

export function tabName(tab: Tab): string {
  const words = t();
  const names: Record<Tab, string> = {
    details: words.sessionDetails,
    inbox: words.needsYou,
    usage: words.usagePanel,
    cron: words.cronPanel,
    status: words.statusPanel,
    agents: words.agents,
    log: words.logPanel,
  };
  return names[tab];
}

/** What stands beside the conversation: the session's details, or what the gateway knows. */
export function Side({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { panels } = browser;
  const tab = panels.tab.value;
  const { capabilities, word } = browser.link.model.parts.connection.value;
  // While there is no connection nobody knows what it can do, and what is being written in a panel stays.
  const native = capabilities.native || word !== "ready";
  const tabs = TABS.filter((name) => native || name === "details" || name === "inbox" || name === "agents");
  const shown = tabs.includes(tab) ? tab : "details";
  const waiting = browser.link.model.parts.approvals.value.length + browser.link.model.parts.questions.value.length;
  useEffect(() => {
    panels.seen.value = true;
    return () => {
      panels.seen.value = false;
    };
  }, [panels]);
  const choose = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const next = tabs[(tabs.indexOf(shown) + step + tabs.length) % tabs.length];
    if (next === undefined) return;
    panels.tab.value = next;
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <section class="side" aria-label={words.beside}>
      <div class="tabs" role="tablist" aria-label={words.beside} onKeyDown={choose}>
        {tabs.map((name) => (
          <button
            key={name}
            id={`tab-${name}`}
            type="button"
            role="tab"
            class="icon-button"
            aria-selected={name === shown}
            aria-controls="side-panel"
            aria-label={name === "inbox" && waiting > 0 ? `${tabName(name)}, ${waiting}` : tabName(name)}
            title={tabName(name)}
            tabIndex={name === shown ? 0 : -1}
            onClick={() => (panels.tab.value = name)}
          >
            <Icon name={ICONS[name]} />
            {name === "inbox" && waiting > 0 && <i>{waiting}</i>}
          </button>
        ))}
      </div>
      <div class={`panel ${shown}`} id="side-panel" role="tabpanel" aria-labelledby={`tab-${shown}`} tabIndex={0}>
        {shown === "details" && <Details browser={browser} />}
        {shown === "inbox" && <InboxPanel browser={browser} />}
        {shown === "usage" && <UsagePanel browser={browser} />}
        {shown === "cron" && <CronPanel browser={browser} />}
        {shown === "status" && <StatusPanel browser={browser} />}
        {shown === "agents" && <AgentsPanel browser={browser} />}
        {shown === "log" && <LogPanel browser={browser} />}
      </div>
    </section>
  );
}

/** What is to know about the session that is open. */
function Details({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const session = browser.current.value;
  const { target, connection } = browser.link.model.parts;
  const used = session?.tokens ?? 0;
  const whole = session?.contextTokens ?? 0;
  const share = whole > 0 ? Math.min(1, used / whole) : 0;
  const facts: [string, string][] = [[words.agentWord, browser.agent]];
  if (session) facts.push([words.channelWord, session.channel === "" ? words.thisApp : channelName(session.channel)]);
  const model = target.value.model ?? session?.model;
  if (model) facts.push([words.modelWord, modelName(model)]);
  if (session?.costUsd !== undefined) {
    facts.push([words.costWord, money(session.costUsd)]);
  }
  if (session) facts.push([words.updatedWord, shortTime(session.updatedAtMs, Date.now(), locale(), words)]);
  return (
    <>
      <Title>{words.sessionDetails}</Title>
      {whole > 0 && (
        <div>
          <h2>{words.context}</h2>
          <p class="big number">
            {words.percent(share)}
            <small>{words.contextOf(tokens(used, locale()), tokens(whole, locale()))}</small>
          </p>
          <div class={share >= 0.8 ? "meter high" : "meter"} role="img" aria-label={words.contextPercent(Math.round(share * 100))}>
            <i style={{ width: `${share * 100}%` }} />
          </div>
          {connection.value.capabilities.manageSessions && (
            <button type="button" class="button medium" onClick={() => browser.compact()}>
              {words.compactNow}
            </button>
          )}
        </div>
      )}
      <dl>
        {facts.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd class="number clip">{value}</dd>
          </>
        ))}
      </dl>
    </>
  );
}
