import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { CopyButton } from "../../components/bits";
import { useLink } from "../../state/session";
import { t } from "../../strings";
import { Row } from "./controls";

/** What somebody who helps wants to know, read by its owner before it goes anywhere. */
export function Report(): JSX.Element {
  const link = useLink();
  const words = t();
  const [text, setText] = useState("");
  const [path, setPath] = useState("");
  const show = (): void => {
    setPath("");
    void link.ask<{ text: string }>({ type: "diagnostics" }).then((answer) => setText(answer?.text ?? ""));
  };
  return (
    <>
      <h2>{words.report}</h2>
      <div class="group">
        <Row title={words.reportTitle} detail={path === "" ? words.reportLead : words.reportSaved(path)}>
          {text !== "" && (
            <>
              <CopyButton text={() => text} class="medium" />
              <button type="button" class="button medium" onClick={() => void link.ask<{ path: string }>({ type: "saveDiagnostics" }).then((answer) => setPath(answer?.path ?? ""))}>
                {words.reportSave}
              </button>
            </>
          )}
          <button type="button" class="button medium" onClick={show}>
            {words.reportShow}
          </button>
        </Row>
        {text !== "" && (
          <pre class="report mono" tabIndex={0} role="region" aria-label={words.reportTitle}>
            {text}
          </pre>
        )}
      </div>
    </>
  );
}
