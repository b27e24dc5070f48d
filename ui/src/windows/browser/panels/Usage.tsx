import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Spent, Usage } from "../../../state/facts";
import { locale, t } from "../../../strings";
import { tokens } from "../../../text/format";
import { dateFormat, numberFormat } from "../../../text/formats";
import type { Browser } from "../state";
import { Title, Waiting, Why } from "./parts";

type Measure = "cost" | "tokens";

const WIDTH = 300;
const HEIGHT = 96;
const GAP = 2;
const SESSIONS = 20;

export function money(value: number): string {
  const digits = value !== 0 && Math.abs(value) < 1 ? 3 : 2;
  return numberFormat(locale(), { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", maximumFractionDigits: digits }).format(value);
}

const amount = (spent: Spent, measure: Measure): string =>
  measure === "cost" ? money(spent.cost) : t().tokens(tokens(spent.tokens, locale()));

function dayName(day: string): string {
  return dateFormat(locale(), { day: "numeric", month: "short", timeZone: "UTC" }).format(Date.parse(`${day}T00:00:00Z`));
}

/** What the agents took, per day and per session. */
export function UsagePanel({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { usage, usageBySession } = browser.panels;
  const [chosen, setMeasure] = useState<Measure>();
  const found = usage.value.value;
  // Models without a price cost nothing; then their tokens are what there is to see.
  const measure = chosen ?? (found && found.total.cost === 0 && found.total.tokens > 0 ? "tokens" : "cost");
  return (
    <>
      <Title
        actions={
          <div class="segments small" role="group" aria-label={words.measure}>
            {(["cost", "tokens"] as const).map((name) => (
              <button key={name} type="button" aria-pressed={measure === name} onClick={() => setMeasure(name)}>
                {name === "cost" ? words.costWord : words.tokensWord}
              </button>
            ))}
          </div>
        }
      >
        {words.usagePanel}
      </Title>
      <Why failure={usage.failure.value} browser={browser} />
      {!found && usage.loading.value && <Waiting />}
      {found && (
        <>
          <p class="big number">
            {amount(found.total, measure)}
            <small>{found.days.length > 0 ? words.lastDays(found.days.length) : ""}</small>
          </p>
          {found.days.length > 0 && <Chart usage={found} measure={measure} />}
          {measure === "cost" && found.incomplete && <p class="dim">{words.costIncomplete}</p>}
          {found.counting && <p class="dim">{words.stillCounting}</p>}
        </>
      )}
      <BySession browser={browser} measure={measure} rows={usageBySession.value.value} />
    </>
  );
}

/** A bar a day. The day under the pointer, or the one that the arrow keys chose, is named below. */
function Chart({ usage, measure }: { usage: Usage; measure: Measure }): JSX.Element {
  const words = t();
  const { days } = usage;
  const [at, setAt] = useState(days.length - 1);
  const index = Math.min(at, days.length - 1);
  const day = days[index];
  const highest = Math.max(...days.map((each) => each[measure]));
  const step = WIDTH / days.length;
  const named = day ? `${dayName(day.day)}: ${amount(day, measure)}` : "";
  const onKey = (event: KeyboardEvent): void => {
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: days.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(days.length - 1, next)));
  };
  return (
    <figure class="chart">
      <div
        class="bars"
        role="slider"
        tabIndex={0}
        aria-label={words.usageByDay}
        aria-valuemin={1}
        aria-valuemax={days.length}
        aria-valuenow={index + 1}
        aria-valuetext={named}
        onKeyDown={onKey}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          setAt(Math.max(0, Math.min(days.length - 1, Math.floor(((event.clientX - box.left) / box.width) * days.length))));
        }}
      >
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
        {days.map((each, bar) => {
          const share = highest > 0 ? each[measure] / highest : 0;
          // A day on which something was used is seen, however little it was.
          const height = each[measure] > 0 ? Math.max(3, share * (HEIGHT - 6)) : 0;
          return (
            <g key={each.day} class={bar === index ? "bar on" : "bar"}>
              <rect class="column" x={bar * step} width={step} y="0" height={HEIGHT} />
              <rect x={bar * step + GAP / 2} width={Math.max(1, step - GAP)} y={HEIGHT - height - 1} height={height} rx="1.5" />
            </g>
          );
        })}
      </svg>
      </div>
      <figcaption class="chart-line">
        <span class="dim">{dayName(days[0]?.day ?? "")}</span>
        <b class="number">{named}</b>
        <span class="dim">{dayName(days.at(-1)?.day ?? "")}</span>
      </figcaption>
    </figure>
  );
}

/** From the gateway's count; where it has none, from what the session rows say. */
function BySession({ browser, measure, rows }: { browser: Browser; measure: Measure; rows: readonly ({ session: string } & Spent)[] | undefined }): JSX.Element | null {
  const words = t();
  const sessions = browser.link.model.parts.sessions.value;
  const titles = new Map(sessions.map((session) => [session.key, session.title]));
  const counted = rows && rows.length > 0 ? rows : sessions.map((session) => ({ session: session.key, tokens: session.tokens, cost: session.costUsd ?? 0 }));
  const shown = counted
    .filter((row) => row[measure] > 0 && titles.has(row.session))
    .sort((a, b) => b[measure] - a[measure])
    .slice(0, SESSIONS);
  const highest = shown[0]?.[measure] ?? 0;
  if (shown.length === 0) return null;
  return (
    <div>
      <h3>{words.usageBySession}</h3>
      <ul class="shares">
        {shown.map((row) => (
          <li key={row.session}>
            <button type="button" class="share" onClick={() => browser.open(row.session)}>
              <span class="grow clip">{titles.get(row.session)}</span>
              <span class="number">{amount(row, measure)}</span>
              <i style={{ width: `${highest > 0 ? (row[measure] / highest) * 100 : 0}%` }} />
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
