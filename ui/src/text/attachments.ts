import type { AttachmentInput } from "../api/AttachmentInput";
import type { CapabilitiesView } from "../api/CapabilitiesView";
import type { Captured } from "../host";
import type { Strings } from "../strings";
import { bytes } from "./format";

/** A file in the composer, not sent yet. */
export interface Attachment {
  id: number;
  name: string;
  mimeType: string;
  size: number;
  /** Base64. */
  content: string;
  /** An object URL for a picture. */
  preview?: string;
  /** The beginning of what was copied or selected. */
  excerpt?: string;
}

/** How many bytes all files of one prompt may have; the gateway's frame limit leaves little more. */
const TOTAL_LIMIT = 20_000_000;

/** Why a file may not go with the prompt, in one sentence, or `undefined` when it may. */
export function refusal(
  file: { name: string; type: string; size: number },
  already: number,
  capabilities: CapabilitiesView,
  gateway: string,
  strings: Strings,
  locale: string,
): string | undefined {
  if (!capabilities.attachments) return strings.noFiles(gateway);
  if (file.size === 0) return strings.emptyFile(file.name);
  const { maxImageBytes, maxAttachmentBytes } = capabilities;
  if (file.type.startsWith("image/") && maxImageBytes > 0 && file.size > maxImageBytes) {
    return strings.imageTooLarge(file.name, bytes(maxImageBytes, locale));
  }
  if (maxAttachmentBytes > 0 && file.size > maxAttachmentBytes) {
    return strings.fileTooLarge(file.name, bytes(maxAttachmentBytes, locale));
  }
  if (already + file.size > TOTAL_LIMIT) return strings.filesTooLarge(bytes(TOTAL_LIMIT, locale));
  return undefined;
}

let nextId = 1;

/** Reads a file into what travels. Rejects when the file cannot be read. */
export async function readFile(file: File, name = file.name): Promise<Attachment> {
  const content = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onerror = () => reject(reader.error ?? new Error("unreadable"));
    reader.onload = () => resolve((reader.result as string).replace(/^data:[^,]*,/, ""));
    reader.readAsDataURL(file);
  });
  const attachment: Attachment = {
    id: nextId++,
    name,
    mimeType: file.type || "application/octet-stream",
    size: file.size,
    content,
  };
  if (/^image\/(?:png|jpeg|gif|webp|avif|bmp)$/.test(file.type)) attachment.preview = URL.createObjectURL(file);
  return attachment;
}

const EXCERPT = 80;

/** What the desktop gave as a file that goes along: a picture, or text that is seen before it is sent. */
export async function readCaptured(captured: Captured, name: string): Promise<Attachment> {
  const bytes = Uint8Array.from(atob(captured.content), (letter) => letter.charCodeAt(0));
  const ending = captured.mimeType === "image/png" ? "png" : "txt";
  const attachment = await readFile(new File([bytes], `${name}.${ending}`, { type: captured.mimeType }));
  if (captured.mimeType.startsWith("text/")) {
    const text = new TextDecoder().decode(bytes).replace(/\s+/g, " ").trim();
    attachment.excerpt = text.length > EXCERPT ? `${text.slice(0, EXCERPT)}…` : text;
  }
  return attachment;
}

export function forget(attachment: Attachment): void {
  if (attachment.preview) URL.revokeObjectURL(attachment.preview);
}

export function asInput({ name, mimeType, content }: Attachment): AttachmentInput {
  return { name, mimeType, content };
}
