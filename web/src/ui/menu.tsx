// Less frequent things to do, folded up behind one button: a popover of the browser's own, which Esc and a click elsewhere close.
import { useId, useRef } from "react";
import { IconButton } from "./button.tsx";
import { Icon, type IconName } from "./icon.tsx";
import styles from "./menu.module.css";

export interface MenuItem {
  readonly label: string;
  readonly icon: IconName;
  readonly run: () => void;
}

export function Menu({ label, items }: { label: string; items: readonly MenuItem[] }) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  return (
    <>
      <IconButton icon="more" label={label} popoverTarget={id} />
      <div ref={list} id={id} popover="auto" className={styles.menu} role="group" aria-label={label}>
        {items.map((item) => (
          <button key={item.label} type="button" onClick={() => (list.current?.hidePopover(), item.run())}>
            <Icon name={item.icon} /> {item.label}
          </button>
        ))}
      </div>
    </>
  );
}
