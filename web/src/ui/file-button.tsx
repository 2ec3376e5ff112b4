// A button that asks for files of the person's machine.
import { useRef } from "react";
import { IconButton } from "./button.tsx";
import type { IconName } from "./icon.tsx";

interface FileButtonProps {
  icon: IconName;
  label: string;
  chooser: string; // what the field behind it is called
  accept?: string;
  onChosen: (files: readonly File[]) => void;
}

/** The same files can be chosen again right away. */
export function FileButton({ icon, label, chooser, accept, onChosen }: FileButtonProps) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton icon={icon} label={label} onClick={() => field.current?.click()} />
      <input
        ref={field}
        type="file"
        hidden
        multiple
        accept={accept}
        aria-label={chooser}
        onChange={({ target }) => {
          onChosen([...(target.files ?? [])]);
          target.value = "";
        }}
      />
    </>
  );
}
