import type { AgentView } from "../api/AgentView";
import type { CommandView } from "../api/CommandView";
import type { GatewayView } from "../api/GatewayView";
import type { ModelView } from "../api/ModelView";
import type { SessionView } from "../api/SessionView";
import { Avatar, Keys, Marked, Spinner, StateDot } from "../components/bits";
import { Icon, type IconName } from "../components/Icon";
import type { Row, RowList } from "../components/List";
import type { CaptureKind } from "../host";
import { locale, t } from "../strings";
import { channelName, modelName, shortTime } from "../text/format";
import { type Match, rank } from "../text/fuzzy";
import { connectionWord } from "../text/connection";

const MANY = 60;

export function agentName(agents: readonly AgentView[], id: string): string {
  const found = agents.find((agent) => agent.id === id);
  return found?.name || (id === "" ? "" : id.charAt(0).toUpperCase() + id.slice(1));
}

/** Views name an agent by its id or by its name; the gateway wants the id. */
export function agentId(agents: readonly AgentView[], word: string): string {
  return (agents.find((agent) => agent.id === word) ?? agents.find((agent) => agent.name === word))?.id ?? word;
}

/** What a session is in: waiting for an approval, running, failed, unread. The first that holds. */
function sessionState(session: SessionView): Row["state"] {
  const words = t();
  if (session.needsApproval) {
    return (
      <span class="badge">
        <Icon name="shield" small />
        {words.needsApproval}
      </span>
    );
  }
  if (session.running) {
    return (
      <>
        <Spinner />
        {words.running}
      </>
    );
  }
  if (session.failed) return <span class="danger">{words.failed}</span>;
  return session.unread ? <span class="unread" role="img" aria-label={words.unread} /> : undefined;
}

function sessionRow(
  session: SessionView,
  agents: readonly AgentView[],
  nowMs: number,
  positions: readonly number[],
  choose: (session: SessionView) => void,
): Row {
  const name = agentName(agents, session.agent);
  return {
    key: session.key,
    lead: <Avatar agent={session.agent} name={name} />,
    title: <Marked text={session.title} positions={positions.filter((at) => at < session.title.length)} />,
    meta: session.channel === "" ? name : `${name} · ${channelName(session.channel)}`,
    state: sessionState(session),
    end: session.needsApproval || session.running ? undefined : shortTime(session.updatedAtMs, nowMs, locale(), t()),
    choose: () => choose(session),
  };
}

export interface Choices {
  toSession(session: SessionView): void;
  toNewSession(agent: string): void;
  runCommand(command: CommandView): void;
  insertCommand(command: CommandView): void;
  toModel(model: string | undefined, thinking: string | undefined): void;
  toGateway(gateway: GatewayView): void;
  sendInBackground(minutes: number | undefined): void;
  attachFile(): void;
  attachFrom(kind: CaptureKind): void;
}

const ENTER = <Keys keys={["Enter"]} />;
const TAB = <Keys keys={["Tab"]} />;

/** The sessions of the empty popup. */
export function recentList(
  sessions: readonly SessionView[],
  agents: readonly AgentView[],
  nowMs: number,
  choices: Choices,
): RowList {
  const rows = sessions
    .filter((session) => !session.archived)
    .slice(0, 5)
    .map((session) => {
      const row = sessionRow(session, agents, nowMs, [], (chosen) => choices.toSession(chosen));
      return { ...row, keys: ENTER };
    });
  return { id: "recent", heading: t().continueWith, label: t().recentSessions, rows };
}

/** Any session, or a new one, by a few letters. */
export function sessionList(
  query: string,
  sessions: readonly SessionView[],
  agents: readonly AgentView[],
  nowMs: number,
  choices: Choices,
): RowList {
  const words = t();
  const text = (session: SessionView): string =>
    `${session.title} ${agentName(agents, session.agent)} ${session.channel}`;
  const found = rank(query, sessions.filter((session) => !session.archived), text, (session) => (session.pinned ? 2 : 0));
  const rows = found.slice(0, MANY).map(({ item, match }) => sessionRow(item, agents, nowMs, match.positions, (chosen) => choices.toSession(chosen)));
  const fresh: Row[] = rank(query, agents, (agent) => words.startNew(agent.name)).map(({ item }) => ({
    key: `new:${item.id}`,
    lead: (
      <span class="square">
        <Icon name="plus" />
      </span>
    ),
    title: words.startNew(item.name),
    choose: () => choices.toNewSession(item.id),
  }));
  return {
    id: "sessions",
    heading: "",
    label: words.sessions,
    rows: query === "" ? [...fresh.slice(0, 1), ...rows, ...fresh.slice(1)] : [...rows, ...fresh],
    empty: words.noSession(query),
  };
}

export function agentList(query: string, agents: readonly AgentView[], choices: Choices): RowList {
  const words = t();
  const rows = rank(query, agents, (agent) => agent.name).map(
    ({ item, match }): Row => ({
      key: item.id,
      lead: <Avatar agent={item.id} name={item.name} />,
      title: <Marked text={item.name} positions={match.positions} />,
      meta: item.model ? modelName(item.model) : "",
      keys: ENTER,
      choose: () => choices.toNewSession(item.id),
      insert: () => choices.toNewSession(item.id),
    }),
  );
  return { id: "agents", heading: words.agents, label: words.agents, rows, empty: words.noAgent(query) };
}

/** Commands whose name begins with what is typed come first, then those that contain its letters. */
export function commandList(query: string, commands: readonly CommandView[], agent: string, choices: Choices): RowList {
  const words = t();
  const bare = query.replace(/^\//, "").toLowerCase();
  const begins: { item: CommandView; match: Match }[] = [];
  const others: { item: CommandView; match: Match }[] = [];
  for (const found of rank(bare, commands, (command) => command.name.replace(/^\//, ""))) {
    const name = found.item.name.replace(/^\//, "").toLowerCase();
    const starts = name.startsWith(bare);
    const positions = starts ? Array.from({ length: bare.length + 1 }, (_, at) => at) : found.match.positions.map((at) => at + 1);
    (starts ? begins : others).push({ item: found.item, match: { ...found.match, positions } });
  }
  // Those that begin with it stand in the agent's own order.
  begins.sort((a, b) => commands.indexOf(a.item) - commands.indexOf(b.item));
  const rows = [...begins, ...others].slice(0, MANY).map(({ item, match }): Row => {
    const name = item.name.startsWith("/") ? item.name : `/${item.name}`;
    return {
      key: name,
      lead: (
        <span class="square">
          <Icon name="slash" />
        </span>
      ),
      title: <Marked text={name} positions={match.positions} />,
      meta: item.arguments === "" ? item.description : `${item.arguments} · ${item.description}`,
      keys: TAB,
      choose: () => (item.arguments === "" ? choices.runCommand(item) : choices.insertCommand(item)),
      insert: () => choices.insertCommand(item),
    };
  });
  return { id: "commands", heading: words.commandsOf(agent), label: words.commands, rows, empty: words.noCommand(query) };
}

/** Models, and the thinking levels of the one in use. */
export function modelList(
  query: string,
  models: readonly ModelView[],
  model: string | undefined,
  thinking: string | undefined,
  choices: Choices,
): RowList {
  const words = t();
  const square = (name: "cube" | "clock"): Row["lead"] => (
    <span class="square">
      <Icon name={name} />
    </span>
  );
  const check = <Icon name="check" class="check" />;
  const found = rank(query, models, (item) => item.name || item.id);
  const rows: Row[] = found.map(({ item, match }) => ({
    key: item.id,
    lead: square("cube"),
    title: <Marked text={item.name || modelName(item.id)} positions={item.name ? match.positions : []} />,
    meta: item.id,
    state: item.id === model ? check : undefined,
    keys: ENTER,
    choose: () => choices.toModel(item.id, undefined),
  }));
  const levels = models.find((item) => item.id === model)?.thinkingLevels ?? [];
  for (const { item } of rank(query, levels, (level) => words.thinkingValue(level))) {
    rows.push({
      key: `thinking:${item}`,
      lead: square("clock"),
      title: words.thinkingValue(item),
      state: item === thinking ? check : undefined,
      keys: ENTER,
      choose: () => choices.toModel(undefined, item),
    });
  }
  return { id: "models", heading: "", label: words.models, rows, empty: words.noModel(query) };
}

export function gatewayList(query: string, gateways: readonly GatewayView[], choices: Choices): RowList {
  const words = t();
  const rows = rank(query, gateways, (gateway) => gateway.name).map(
    ({ item, match }): Row => ({
      key: item.id,
      lead: (
        <span class="square">
          <StateDot word={item.connection.word} />
        </span>
      ),
      title: <Marked text={item.name} positions={match.positions} />,
      meta: connectionWord(item.connection.word, words),
      state: item.active ? words.current : undefined,
      keys: ENTER,
      choose: () => choices.toGateway(item),
    }),
  );
  return { id: "gateways", heading: "", label: words.gateways, rows, empty: words.noGateway(query) };
}

export function backgroundList(choices: Choices): RowList {
  const words = t();
  const limits: (number | undefined)[] = [undefined, 5, 15, 60];
  const rows = limits.map(
    (minutes): Row => ({
      key: String(minutes ?? "none"),
      lead: (
        <span class="square">
          <Icon name="clock" />
        </span>
      ),
      title: minutes === undefined ? words.backgroundNoLimit : words.backgroundLimit(minutes),
      meta: minutes === undefined ? words.backgroundMeta : "",
      keys: ENTER,
      choose: () => choices.sendInBackground(minutes),
    }),
  );
  return { id: "background", heading: words.background, label: words.background, rows };
}

const CAPTURE_ICONS: Record<CaptureKind, IconName> = { clipboard: "clipboard", selection: "selection", screenshot: "camera" };

/** What may go with the prompt. Nothing is looked at before it is chosen. */
export function attachList(captures: readonly CaptureKind[], choices: Choices): RowList {
  const words = t();
  const names: Record<CaptureKind, string> = { clipboard: words.addClipboard, selection: words.addSelection, screenshot: words.addScreenshot };
  const row = (key: string, icon: IconName, title: string, choose: () => void): Row => ({
    key,
    lead: (
      <span class="square">
        <Icon name={icon} />
      </span>
    ),
    title,
    keys: ENTER,
    choose,
  });
  const rows = [
    row("file", "file", words.attach, () => choices.attachFile()),
    ...captures.map((kind) => row(kind, CAPTURE_ICONS[kind], names[kind], () => choices.attachFrom(kind))),
  ];
  return { id: "attach", heading: words.attachMenu, label: words.attachMenu, rows };
}
