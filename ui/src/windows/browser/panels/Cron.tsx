import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Switch } from "../../../components/Switch";
import { Icon } from "../../../components/Icon";
import type { NewJob } from "../../../api/NewJob";
import { dailyAt, type Job, looksLikeCron, type Schedule } from "../../../state/facts";
import { agentName } from "../../../state/lists";
import { useNow } from "../../../state/clock";
import { locale, t } from "../../../strings";
import { clockTime, duration, shortTime } from "../../../text/format";
import { numberFormat } from "../../../text/formats";
import type { Browser } from "../state";
import { Title, Waiting, Why } from "./parts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Every hour, Daily at 03:00, or the expression itself. */
function scheduleWords(schedule: Schedule): string {
  const words = t();
  const unit = (value: number, name: "minute" | "hour" | "day"): string =>
    numberFormat(locale(), { style: "unit", unit: name, unitDisplay: "long" }).format(value);
  switch (schedule.kind) {
    case "every": {
      const { everyMs } = schedule;
      if (everyMs % DAY === 0) return words.everySpan(unit(everyMs / DAY, "day"));
      if (everyMs % HOUR === 0) return words.everySpan(unit(everyMs / HOUR, "hour"));
      return words.everySpan(unit(Math.round(everyMs / MINUTE), "minute"));
    }
    case "cron": {
      const daily = /^(\d{1,2}) (\d{1,2}) \* \* \*$/.exec(schedule.expr);
      return daily ? words.dailyAtTime(`${daily[2]?.padStart(2, "0")}:${daily[1]?.padStart(2, "0")}`) : schedule.expr;
    }
    case "at":
      return words.onceAt(`${shortTime(schedule.atMs, Date.now(), locale(), words)} ${clockTime(schedule.atMs, locale())}`);
    case "other":
      return schedule.word;
  }
}

function untilWords(ms: number, nowMs: number): string {
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  const left = ms - nowMs;
  if (Math.abs(left) < HOUR) return format.format(Math.round(left / MINUTE), "minute");
  if (Math.abs(left) < DAY) return format.format(Math.round(left / HOUR), "hour");
  return format.format(Math.round(left / DAY), "day");
}

/** What runs by the clock. */
export function CronPanel({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { panels } = browser;
  const jobs = panels.jobs.value.value;
  return (
    <>
      <Title
        actions={
          !panels.addingJob.value && (
            <button type="button" class="button medium" onClick={() => (panels.addingJob.value = true)}>
              <Icon name="plus" small />
              {words.addJob}
            </button>
          )
        }
      >
        {words.cronPanel}
      </Title>
      <Why failure={panels.jobFailure.value} browser={browser} />
      {panels.addingJob.value && <AddJob browser={browser} />}
      <Why failure={panels.jobs.failure.value} browser={browser} />
      {!jobs && panels.jobs.loading.value && <Waiting />}
      {jobs?.length === 0 && <p class="dim">{words.noJobs}</p>}
      <ul class="items">
        {jobs?.map((job) => (
          <JobItem key={job.id} job={job} browser={browser} />
        ))}
      </ul>
    </>
  );
}

function JobItem({ job, browser }: { job: Job; browser: Browser }): JSX.Element {
  const words = t();
  const { panels } = browser;
  const now = useNow().value;
  const failed = job.last !== "" && !["ok", "success", "skipped"].includes(job.last);
  return (
    <li class={job.enabled ? "item" : "item off"}>
      <div class="item-line">
        <b class="grow clip" title={job.description || job.prompt}>
          {job.name}
        </b>
        <Switch label={words.jobEnabled(job.name)} on={job.enabled} onChange={() => void panels.switchJob(job)} />
      </div>
      <p class="soft">
        {scheduleWords(job.schedule)}
        {job.agent !== "" && ` · ${agentName(browser.link.model.parts.agents.value, job.agent)}`}
      </p>
      <dl>
        <dt>{words.nextRun}</dt>
        <dd class="number">{job.enabled && job.nextMs !== undefined ? untilWords(job.nextMs, now) : words.never}</dd>
        <dt>{words.lastRun}</dt>
        <dd class="number">
          {job.lastMs === undefined ? (
            words.never
          ) : (
            <>
              <span class={failed ? "danger" : "success"}>{failed ? words.failed : job.last === "skipped" ? words.skipped : words.toolFine}</span>{" "}
              {untilWords(job.lastMs, now)}
              {job.durationMs !== undefined && `, ${duration(job.durationMs, locale())}`}
            </>
          )}
        </dd>
      </dl>
      {failed && job.error !== "" && <p class="danger wrap">{job.error}</p>}
      {panels.removingJob.value === job.id ? (
        <div class="item-line" role="alertdialog" aria-label={words.removeJobTitle(job.name)}>
          <span class="grow">{words.removeJobTitle(job.name)}</span>
          <button type="button" class="button medium" ref={(button) => button?.focus()} onClick={() => (panels.removingJob.value = undefined)}>
            {words.cancel}
          </button>
          <button type="button" class="button medium destroy" onClick={() => void panels.removeJob(job.id)}>
            {words.confirmDelete}
          </button>
        </div>
      ) : (
        <div class="item-line">
          <button type="button" class="button medium" aria-label={words.runJobNow(job.name)} onClick={() => void panels.runJob(job)}>
            <Icon name="redo" small />
            {words.runNow}
          </button>
          <span class="grow" />
          {!job.managed && (
            <button type="button" class="icon-button" aria-label={words.removeJob(job.name)} title={words.removeJob(job.name)} onClick={() => (panels.removingJob.value = job.id)}>
              <Icon name="trash" />
            </button>
          )}
        </div>
      )}
    </li>
  );
}

type When = "every" | "daily" | "cron";

function AddJob({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { panels } = browser;
  const { agents } = browser.link.model.parts;
  const name = useRef<HTMLInputElement>(null);
  const prompt = useRef<HTMLTextAreaElement>(null);
  const [when, setWhen] = useState<When>("daily");
  const [count, setCount] = useState("1");
  const [unit, setUnit] = useState<"minute" | "hour" | "day">("hour");
  const [time, setTime] = useState("08:00");
  const [expr, setExpr] = useState("");
  const [agent, setAgent] = useState("");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string>();
  useLayoutEffect(() => name.current?.focus(), []);
  const schedule = (): NewJob["schedule"] | undefined => {
    if (when === "cron") return looksLikeCron(expr) ? { kind: "cron", expr: expr.trim() } : undefined;
    if (when === "daily") {
      const daily = dailyAt(time);
      return daily === undefined ? undefined : { kind: "cron", expr: daily };
    }
    const every = Number(count) * { minute: MINUTE, hour: HOUR, day: DAY }[unit];
    return Number.isInteger(Number(count)) && every >= MINUTE ? { kind: "every", everyMs: every } : undefined;
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    const wanted = { name: name.current?.value.trim() ?? "", prompt: prompt.current?.value.trim() ?? "", agent, schedule: schedule() };
    if (wanted.name === "" || wanted.prompt === "") return setWrong(words.jobNeedsWords);
    if (!wanted.schedule) return setWrong(words.jobNeedsTime);
    setWrong(undefined);
    setBusy(true);
    void panels.addJob({ ...wanted, schedule: wanted.schedule }).finally(() => setBusy(false));
  };
  return (
    <form class="form" aria-label={words.addJob} onSubmit={submit}>
      <label>
        <span>{words.nameLabel}</span>
        <input class="field" ref={name} autocomplete="off" />
      </label>
      <label>
        <span>{words.jobPrompt}</span>
        <textarea class="field" rows={3} ref={prompt} />
      </label>
      <label>
        <span>{words.jobWhen}</span>
        <select class="field" value={when} onChange={(event) => setWhen(event.currentTarget.value as When)}>
          <option value="daily">{words.jobDaily}</option>
          <option value="every">{words.jobEvery}</option>
          <option value="cron">{words.jobCron}</option>
        </select>
      </label>
      {when === "daily" && (
        <label>
          <span>{words.jobTime}</span>
          <input class="field" type="time" value={time} onInput={(event) => setTime(event.currentTarget.value)} />
        </label>
      )}
      {when === "every" && (
        <div class="form-line">
          <label class="grow">
            <span>{words.jobEvery}</span>
            <input class="field" type="number" min="1" value={count} onInput={(event) => setCount(event.currentTarget.value)} />
          </label>
          <label class="grow">
            <span>{words.jobUnit}</span>
            <select class="field" value={unit} onChange={(event) => setUnit(event.currentTarget.value as "hour")}>
              <option value="minute">{words.unitMinutes}</option>
              <option value="hour">{words.unitHours}</option>
              <option value="day">{words.unitDays}</option>
            </select>
          </label>
        </div>
      )}
      {when === "cron" && (
        <label>
          <span>{words.jobCron}</span>
          <input class="field mono" placeholder="0 8 * * 1-5" spellcheck={false} value={expr} onInput={(event) => setExpr(event.currentTarget.value)} />
        </label>
      )}
      {agents.value.length > 1 && (
        <label>
          <span>{words.agentWord}</span>
          <select class="field" value={agent} onChange={(event) => setAgent(event.currentTarget.value)}>
            <option value="">{words.defaultAgent}</option>
            {agents.value.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
          </select>
        </label>
      )}
      {wrong !== undefined && (
        <p class="danger" role="alert">
          {wrong}
        </p>
      )}
      <div class="form-line">
        <span class="grow" />
        <button type="button" class="button medium plain" onClick={() => (panels.addingJob.value = false)}>
          {words.cancel}
        </button>
        <button type="submit" class="button medium primary" disabled={busy}>
          {words.addJob}
        </button>
      </div>
    </form>
  );
}
