// A value as JSON, under its title.
import styles from "./run-view.module.css";

export function Json({ title, value }: { title: string; value: unknown }) {
  return (
    <section className={styles.json}>
      <h2>{title}</h2>
      <pre tabIndex={0} role="region" aria-label={title}>
        {typeof value === "string" ? value : JSON.stringify(value, null, 2)}
      </pre>
    </section>
  );
}
