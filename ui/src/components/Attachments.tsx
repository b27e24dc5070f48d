import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AttachmentView } from "../api/AttachmentView";
import { readArtifacts, readDownload } from "../state/facts";
import { type Link, useLink } from "../state/session";
import { locale, t } from "../strings";
import { bytes } from "../text/format";
import { Icon } from "./Icon";

/** The files of a message. A picture that is not here is fetched from the gateway when one asks for it. */
export function Attachments({ attachments }: { attachments: readonly AttachmentView[] }): JSX.Element | null {
  if (attachments.length === 0) return null;
  return (
    <div class="attachments">
      {attachments.map((attachment, index) => (
        <AttachmentChip key={index} attachment={attachment} />
      ))}
    </div>
  );
}

function AttachmentChip({ attachment }: { attachment: AttachmentView }): JSX.Element {
  const link = useLink();
  const words = t();
  const [picture, setPicture] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [missing, setMissing] = useState(false);
  const preview = attachment.preview?.startsWith("data:image/") ? attachment.preview : undefined;
  const image = attachment.mimeType.startsWith("image/");
  const canFetch = image && preview === undefined && link.model.parts.connection.value.capabilities.native;
  if (picture !== undefined) {
    return (
      <button type="button" class="picture" aria-label={words.hidePicture(attachment.name)} title={words.hidePicture(attachment.name)} onClick={() => setPicture(undefined)}>
        <img src={picture} alt={attachment.name} />
      </button>
    );
  }
  const inside = (
    <>
      {preview !== undefined ? <img class="thumb" src={preview} alt="" /> : <Icon name={image ? "image" : "file"} />}
      <b class="clip">{attachment.name}</b>
      {attachment.bytes > 0 && <span class="dim">{bytes(attachment.bytes, locale())}</span>}
    </>
  );
  if (!canFetch && preview === undefined) return <span class="chip">{inside}</span>;
  const show = async (): Promise<void> => {
    if (preview !== undefined) return void setPicture(preview);
    setBusy(true);
    setMissing(false);
    const found = await fetchPicture(link, attachment);
    setBusy(false);
    if (found === undefined) setMissing(link.failure.peek() === undefined);
    else if (found !== "") setPicture(found);
  };
  return (
    <button type="button" class="chip" disabled={busy} aria-label={words.showPicture(attachment.name)} onClick={() => void show()}>
      {inside}
      {canFetch && <span class="dim">{busy ? words.loading : missing ? words.pictureGone : words.showIt}</span>}
    </button>
  );
}

/** A picture as a data URL; empty when it opened outside; `undefined` when there is none. */
async function fetchPicture(link: Link, attachment: AttachmentView): Promise<string | undefined> {
  const session = link.read;
  const artifactId =
    attachment.artifact ??
    readArtifacts(await link.ask({ type: "listArtifacts", session })).find((artifact) => artifact.title === attachment.name && artifact.mimeType.startsWith("image/"))?.id;
  if (artifactId === undefined) return undefined;
  const download = readDownload(await link.ask({ type: "downloadArtifact", session, artifact: artifactId }));
  if (download === undefined) return undefined;
  if ("picture" in download) return download.picture;
  const url = outside(download.address, link.model.parts.gateways.peek().find((gateway) => gateway.id === session.gateway)?.url ?? "");
  if (url === undefined) return undefined;
  // The window itself never opens a connection; the address is made for this picture and lasts for minutes.
  return (await link.ask({ type: "openLink", url })) === undefined ? undefined : "";
}

/** Where the gateway serves a picture to a browser. */
function outside(address: string, gateway: string): string | undefined {
  try {
    const base = new URL(gateway.replace(/^ws/, "http"));
    const url = new URL(address, base);
    return url.origin === base.origin ? url.href : undefined;
  } catch {
    return undefined;
  }
}
