import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AgentView } from "../../../api/AgentView";
import { Avatar } from "../../../components/bits";
import { Icon } from "../../../components/Icon";
import { t } from "../../../strings";
import { modelName } from "../../../text/format";
import type { Browser } from "../state";
import { Title, Waiting, Why } from "./parts";

/** The agents, each with its model and what it may use. */
export function AgentsPanel({ browser }: { browser: Browser }): JSX.Element {
  const words = t();
  const { agents } = browser.link.model.parts;
  return (
    <>
      <Title>{words.agents}</Title>
      {agents.value.length === 0 && <p class="dim">{words.noAgents}</p>}
      <ul class="items">
        {agents.value.map((agent) => (
          <AgentItem key={agent.id} agent={agent} browser={browser} />
        ))}
      </ul>
    </>
  );
}

function AgentItem({ agent, browser }: { agent: AgentView; browser: Browser }): JSX.Element {
  const words = t();
  const [open, setOpen] = useState(false);
  const remote = browser.panels.tools.value[agent.id];
  const groups = remote?.value.value;
  const count = groups?.reduce((sum, group) => sum + group.tools.length, 0);
  return (
    <li class="item">
      <div class="item-line">
        <Avatar agent={agent.id} name={agent.name} />
        <div class="grow">
          <b class="clip block">{agent.name}</b>
          <span class="dim clip block" title={agent.model}>
            {agent.model ? modelName(agent.model) : words.defaultModel}
          </span>
        </div>
        {agent.isDefault && <span class="tag">{words.defaultWord}</span>}
      </div>
      <div class="item-line">
        <button
          type="button"
          class="fold"
          aria-expanded={open}
          aria-label={words.toolsOf(agent.name)}
          onClick={() => {
            if (!open) browser.panels.loadTools(agent.id);
            setOpen(!open);
          }}
        >
          <Icon name="chevron-right" class={open ? "turned" : ""} />
          {words.tools}
          {count !== undefined && <span class="dim number">{count}</span>}
        </button>
        <span class="grow" />
        <button type="button" class="button medium" onClick={() => browser.newSessionWith(agent.id)}>
          <Icon name="compose" small />
          {words.newSession}
        </button>
      </div>
      {open && (
        <>
          <Why failure={remote?.failure.value} browser={browser} />
          {!groups && remote?.loading.value && <Waiting />}
          {groups?.map((group) => (
            <div key={group.id} class="tool-group">
              <h3>{group.name}</h3>
              <p>
                {group.tools.map((tool) => (
                  <span key={tool.id} class="tag" title={tool.description}>
                    {tool.name}
                  </span>
                ))}
              </p>
            </div>
          ))}
        </>
      )}
    </li>
  );
}
