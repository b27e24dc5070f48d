import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { SearchHit } from "../../api/SearchHit";
import { Avatar, Keys, Marked } from "../../components/bits";
import { isComposing } from "../../components/ComposerField";
import { Icon, type IconName } from "../../components/Icon";
import { agentName } from "../../state/lists";
import { locale, t } from "../../strings";
import { channelName, shortTime } from "../../text/format";
import { rank } from "../../text/fuzzy";
import { TABS } from "./panels";
import { tabName } from "./Side";
import type { Browser } from "./state";

interface Entry {
  key: string;
  group: string;
  lead: JSX.Element;
  title: JSX.Element;
  detail?: JSX.Element;
  time?: string;
  run: () => void;
}

/** Search in everything, and every action by its name. */
export function Palette({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [selected, setSelected] = useState(0);
  const query = browser.query.value;
  const entries = useEntries(browser);
  const at = Math.min(selected, entries.length - 1);
  useLayoutEffect(() => field.current?.focus(), []);
  useEffect(() => {
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- jsdom has none
    list.current?.querySelector(`#found-${at}`)?.scrollIntoView?.({ block: "nearest" });
  }, [at]);
  const close = (): void => {
    browser.palette.value = false;
    browser.focus();
  };
  const onKey = (event: KeyboardEvent): void => {
    if (isComposing(event)) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && entries.length > 0) setSelected((at + step + entries.length) % entries.length);
    else if (event.key === "Enter") entries[at]?.run();
    else if (event.key === "Escape") close();
    else if (event.key !== "Tab") return;
    event.preventDefault();
    event.stopPropagation();
  };
  const groups = [...new Set(entries.map((entry) => entry.group))];
  const count = entries.filter((entry) => entry.group !== words.actionsHead).length;
  return (
    <div class="over" onPointerDown={(event) => event.target === event.currentTarget && close()}>
      <div class="palette" role="dialog" aria-modal="true" aria-label={words.searchAll}>
        <div class="palette-field">
          <Icon name="search" />
          <input
            ref={field}
            role="combobox"
            aria-label={words.searchAll}
            aria-expanded={entries.length > 0}
            aria-controls="found"
            aria-autocomplete="list"
            aria-activedescendant={entries.length > 0 ? `found-${at}` : undefined}
            placeholder={words.searchAll}
            value={query}
            spellcheck={false}
            autocomplete="off"
            onInput={(event) => {
              setSelected(0);
              browser.search(event.currentTarget.value);
            }}
            onKeyDown={onKey}
          />
        </div>
        <Scope browser={browser} />
        <div class="palette-list" ref={list} {...(entries.length > 0 ? { role: "listbox", id: "found", "aria-label": words.searchAll } : {})}>
          {groups.map((head) => (
            <div role="group" aria-label={head} key={head}>
              <h3 aria-hidden="true">{head}</h3>
              {entries.map(
                (entry, index) =>
                  entry.group === head && (
                    <div
                      key={entry.key}
                      id={`found-${index}`}
                      role="option"
                      aria-selected={index === at}
                      class={index === at ? "found selected" : "found"}
                      onPointerMove={(event) => (event.movementX !== 0 || event.movementY !== 0) && setSelected(index)}
                      onPointerDown={(event) => event.preventDefault()}
                      onClick={entry.run}
                    >
                      {entry.lead}
                      <div class="grow">
                        <b class="clip" dir="auto">{entry.title}</b>
                        {entry.detail && <span class="detail clip">{entry.detail}</span>}
                      </div>
                      {entry.time !== undefined && <span class="dim">{entry.time}</span>}
                      {index === at && <Keys keys={["Enter"]} />}
                    </div>
                  ),
              )}
            </div>
          ))}
          {entries.length === 0 && query.trim() !== "" && <p class="nothing">{words.nothingFound(query.trim())}</p>}
        </div>
        <footer class="foot">
          <span class="grow" role="status">
            {query.trim() !== "" && words.results(count)}
          </span>
          <span class="hint">
            {words.hintOpen} <Keys keys={["Enter"]} />
          </span>
          <span class="hint">
            {words.hintClose} <Keys keys={["Esc"]} />
          </span>
        </footer>
      </div>
    </div>
  );
}

function useEntries(browser: Browser): Entry[] {
  const words = t();
  const query = browser.query.value;
  const { agents } = browser.link.model.parts;
  const now = Date.now();
  const time = (ms: number): string => shortTime(ms, now, locale(), words);
  const entries: Entry[] = browser.found.value.map(({ item, match }) => {
    const name = agentName(agents.value, item.agent);
    return {
      key: item.key,
      group: words.sessions,
      lead: <Avatar agent={item.agent} name={name} />,
      title: <Marked text={item.title} positions={match.positions} />,
      detail: (
        <>
          {name}
          {item.channel !== "" && ` · ${channelName(item.channel)}`}
        </>
      ),
      time: time(item.updatedAtMs),
      run: () => browser.open(item.key),
    };
  });
  if (query.trim() !== "") {
    browser.hits.value.forEach((hit, index) => {
      const session = browser.byKey.value.get(hit.session.session);
      const agent = session?.agent ?? "";
      entries.push({
        key: `${hit.session.gateway} ${hit.session.session} ${hit.message ?? index}`,
        group: words.messages,
        lead: <Avatar agent={agent} name={agentName(agents.value, agent) || hit.sessionTitle} />,
        title: <>{hit.sessionTitle}</>,
        detail: <Snippet hit={hit} />,
        time: time(hit.atMs),
        run: () => browser.open(hit.session, hit.message),
      });
    });
  }
  const current = browser.current.value;
  const { native } = browser.link.model.parts.connection.value.capabilities;
  const { run, parts } = browser.link.model;
  const actions: [string, IconName, () => void][] = [
    [words.newSession, "compose", () => browser.newSession()],
    [words.openSettings, "gear", () => void browser.link.ask({ type: "showWindow", window: "settings" })],
    [words.findHere, "search", () => browser.find.start()],
    ...TABS.filter((tab) => native || tab === "details" || tab === "inbox" || tab === "agents").map((tab): [string, IconName, () => void] => [
      words.showPanel(tabName(tab)),
      "panel",
      () => browser.openTab(tab),
    ]),
    ...parts.gateways.value
      .filter((gateway) => !gateway.active)
      .map((gateway): [string, IconName, () => void] => [words.useGatewayNamed(gateway.name), "server", () => browser.useGateway(gateway.id)]),
    [words.listOptions, "funnel", () => (browser.listOptions.value = true)],
    [browser.selection.value.archived ? words.showEverything : words.showArchive, "archive", () => browser.select({ archived: !browser.selection.value.archived })],
  ];
  if (native) {
    actions.push([words.addJob, "clock", () => {
      browser.panels.addingJob.value = true;
      browser.openTab("cron");
    }]);
  }
  if (run.value && parts.connection.value.capabilities.abort) {
    actions.push([words.stopRun, "stop", () => void browser.link.ask({ type: "stop", session: browser.link.here })]);
  }
  if (current) {
    actions.push(
      [current.pinned ? words.unpinSession : words.pinSession, "pin", () => browser.pin()],
      [current.muted ? words.unmuteSession : words.muteSession, "mute", () => browser.mute()],
      [words.rename, "pencil", () => browser.beginRename()],
      [words.compactNow, "cube", () => browser.compact()],
      [words.fork, "fork", () => browser.fork()],
      [current.archived ? words.unarchive : words.archive, "archive", () => browser.archive()],
      [words.copySessionLink, "link", () => browser.copyLink()],
      [words.exportMarkdown, "copy", () => browser.export("markdown")],
      [words.exportJson, "copy", () => browser.export("json")],
      [words.reset, "redo", () => browser.ask("reset")],
      [words.deleteSession, "trash", () => browser.ask("delete")],
    );
  }
  for (const { item, match } of rank(query, actions, ([label]) => label)) {
    const [label, icon, run] = item;
    entries.push({
      key: label,
      group: words.actionsHead,
      lead: (
        <span class="square">
          <Icon name={icon} />
        </span>
      ),
      title: <Marked text={label} positions={match.positions} />,
      run: () => {
        browser.palette.value = false;
        run();
      },
    });
  }
  return entries;
}

/** What the search keeps to: an agent, this session, the last days. */
function Scope({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { agents } = browser.link.model.parts;
  const { agent, here, days } = browser.scope.value;
  const times: [number, string][] = [
    [0, words.anyTime],
    [1, words.today],
    [7, words.lastDays(7)],
    [30, words.lastDays(30)],
    [365, words.lastDays(365)],
  ];
  return (
    <div class="scope" role="group" aria-label={words.searchIn}>
      <select class="field select" aria-label={words.searchIn} value={here ? "here" : ""} onChange={(event) => browser.narrow({ here: event.currentTarget.value === "here" })}>
        <option value="">{words.allSessions}</option>
        {browser.current.value && <option value="here">{words.thisSession}</option>}
      </select>
      <select class="field select" aria-label={words.agentWord} value={agent} onChange={(event) => browser.narrow({ agent: event.currentTarget.value })}>
        <option value="">{words.allAgents}</option>
        {agents.value.map((each) => (
          <option key={each.id} value={each.id}>
            {each.name}
          </option>
        ))}
      </select>
      <select class="field select" aria-label={words.when} value={String(days)} onChange={(event) => browser.narrow({ days: Number(event.currentTarget.value) })}>
        {times.map(([value, name]) => (
          <option key={value} value={String(value)}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

/** The text around a hit, the hit marked. */
function Snippet({ hit }: { hit: SearchHit }): JSX.Element {
  const pieces: JSX.Element[] = [];
  let from = 0;
  for (const [start, end] of hit.marks) {
    if (start < from || end > hit.snippet.length) continue;
    pieces.push(<>{hit.snippet.slice(from, start)}</>, <mark>{hit.snippet.slice(start, end)}</mark>);
    from = end;
  }
  pieces.push(<>{hit.snippet.slice(from)}</>);
  return <>{pieces}</>;
}
