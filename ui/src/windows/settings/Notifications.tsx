import type { JSX } from "preact";
import type { NotificationSettings } from "../../api/NotificationSettings";
import { Switch } from "../../components/Switch";
import { locale, t } from "../../strings";
import { numberFormat } from "../../text/formats";
import { Choice, type Part, Row, Title } from "./controls";

/** What is told, how, and when not. */
export function Notifications({ settings, change }: Part): JSX.Element {
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

/** How often, in few words. */
function rate(seconds: number): string {
  if (seconds === 0) return t().lookNever;
  const [value, unit] = seconds % 60 === 0 ? [seconds / 60, "minute"] : [seconds, "second"];
  return numberFormat(locale(), { style: "unit", unit, unitDisplay: "short" }).format(value);
}
