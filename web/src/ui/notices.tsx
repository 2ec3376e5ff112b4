// What went wrong just now, said once at the edge of the page and to screen readers.
import { createContext, type ReactNode, use, useCallback, useMemo, useState } from "react";
import { IconButton } from "./button.tsx";
import styles from "./notices.module.css";

type Say = (text: string) => void;
const NoticesContext = createContext<Say>(() => undefined);
const SHOWN = 3; // older ones make way

export function useNotices(): Say {
  return use(NoticesContext);
}

export function Notices({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<readonly { id: number; text: string }[]>([]);
  const say = useCallback<Say>((text) => setShown((before) => [...before, { id: Date.now() + Math.random(), text }].slice(-SHOWN)), []);
  const context = useMemo(() => say, [say]);
  return (
    <NoticesContext value={context}>
      {children}
      <div className={styles.stack} role="alert">
        {shown.map(({ id, text }) => (
          <div key={id} className={styles.notice}>
            <span>{text}</span>
            <IconButton icon="close" label="Dismiss" onClick={() => setShown((before) => before.filter((each) => each.id !== id))} />
          </div>
        ))}
      </div>
    </NoticesContext>
  );
}
