// Hands text to the message that is being written, as if the person had typed it there.

/** Whether there is a message to write in; its cursor is behind the text then. */
export function tellAgent(text: string): boolean {
  const area = document.querySelector<HTMLTextAreaElement>('textarea[aria-label="Message to the agent"]');
  if (area === null) return false;
  const begins = area.value === "" || area.value.endsWith("\n") ? "" : "\n\n";
  area.setRangeText(`${begins}${text}\n`, area.value.length, area.value.length, "end");
  area.dispatchEvent(new InputEvent("input", { bubbles: true }));
  area.focus();
  return true;
}
