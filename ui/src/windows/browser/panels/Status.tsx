import type { JSX } from "preact";
import { StateDot } from "../../../components/bits";
import type { Device } from "../../../state/facts";
import { locale, t } from "../../../strings";
import { connectionWord } from "../../../text/connection";
import { shortTime } from "../../../text/format";
import type { Browser } from "../state";
import { StandingDot, standingWord, Title, Waiting, Why } from "./parts";

/** How the gateway, its channels, its nodes and those who are connected stand. */
export function StatusPanel({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { channels, nodes, presence } = browser.panels;
  const { word, gateway, version, latencyMs } = browser.link.model.parts.connection.value;
  const numbers = [version ?? "", latencyMs === undefined ? "" : `${latencyMs} ms`].filter(Boolean).join(" · ");
  return (
    <>
      <Title>{words.statusPanel}</Title>
      <ul class="items flat">
        <li class="standing-line">
          <StateDot word={word} />
          <b class="grow clip">{gateway}</b>
          <span class="dim number">{word === "ready" ? numbers : connectionWord(word, words)}</span>
        </li>
      </ul>
      <section>
        <h3>{words.channelsHead}</h3>
        <Why failure={channels.failure.value} browser={browser} />
        {!channels.value.value && channels.loading.value && <Waiting />}
        {channels.value.value?.length === 0 && <p class="dim">{words.noChannels}</p>}
        <ul class="items flat">
          {channels.value.value?.map((channel) => (
            <li key={channel.id} class="standing-line">
              <StandingDot standing={channel.standing} />
              <div class="grow">
                <b class="clip">{[channel.name, channel.account].filter(Boolean).join(" · ")}</b>
                {channel.error !== "" && <span class="danger wrap">{channel.error}</span>}
              </div>
              <span class="dim">{standingWord(channel.standing)}</span>
            </li>
          ))}
        </ul>
      </section>
      <section>
        <h3>{words.nodesHead}</h3>
        <Why failure={nodes.failure.value} browser={browser} />
        {nodes.value.value?.length === 0 && <p class="dim">{words.noNodes}</p>}
        <Devices devices={nodes.value.value} />
      </section>
      <section>
        <h3>{words.presenceHead}</h3>
        <Why failure={presence.failure.value} browser={browser} />
        <Devices devices={presence.value.value} />
      </section>
    </>
  );
}

function Devices({ devices }: { devices: readonly Device[] | undefined }): JSX.Element {
  const words = t();
  return (
    <ul class="items flat">
      {devices?.map((device) => (
        <li key={device.id} class="standing-line">
          <StandingDot standing={device.standing} />
          <div class="grow">
            <b class="clip">{device.name}</b>
            {device.detail !== "" && <span class="dim clip block">{device.detail}</span>}
          </div>
          <span class="dim">
            {device.standing === "off" && device.seenMs !== undefined ? shortTime(device.seenMs, Date.now(), locale(), words) : standingWord(device.standing)}
          </span>
        </li>
      ))}
    </ul>
  );
}
