// Buttons: one that says what it does, one that shows it by an icon and says it to whoever asks.
import type { ComponentProps } from "react";
import styles from "./button.module.css";
import { Icon, type IconName } from "./icon.tsx";

type Look = "plain" | "primary" | "danger" | "quiet";

export function Button({ look = "plain", className = "", ...props }: ComponentProps<"button"> & { look?: Look }) {
  return <button type="button" {...props} className={`${styles.button} ${styles[look]} ${className}`} />;
}

type IconButtonProps = Omit<ComponentProps<"button">, "children"> & { icon: IconName; label: string };

export function IconButton({ icon, label, className = "", ...props }: IconButtonProps) {
  return (
    <button type="button" title={label} aria-label={label} {...props} className={`${styles.icon} ${className}`}>
      <Icon name={icon} />
    </button>
  );
}
