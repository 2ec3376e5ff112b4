// A message of the person, which can be said otherwise.
import { lazy, Suspense, useState } from "react";
import type { Message } from "../data/answer.ts";
import { IconButton } from "../ui/button.tsx";
import { Sent } from "./attachments.tsx";
import styles from "./said.module.css";

const EditDialog = lazy(() => import("./edit-dialog.tsx"));

export function Said({ message }: { message: Message }) {
  const [isEditing, setEditing] = useState(false);
  return (
    <div className={styles.row}>
      {message.steers === undefined && (
        <IconButton icon="pencil" label="Say it otherwise" className={styles.edit} onClick={() => setEditing(true)} />
      )}
      <div className={styles.said}>
        {message.content}
        {message.attachments !== undefined && <Sent message={message} />}
        {message.steers !== undefined && <small>said while it was answering</small>}
      </div>
      <Suspense>{isEditing && <EditDialog message={message} onClose={() => setEditing(false)} />}</Suspense>
    </div>
  );
}
