// The dashboard of runs: its bar, and which of its pages is shown; addresses that lead nowhere end here, too.
import { lazy, Suspense } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { eventIdOf } from "./runs/events-wire.ts";
import RunList from "./runs/run-list.tsx";
import RunView from "./runs/run-view.tsx";
import styles from "./runs/shell.module.css";
import { runIdOf } from "./runs/wire.ts";
import { IconButton } from "./ui/button.tsx";
import { useCommandsHere } from "./ui/commands.tsx";

const EventList = lazy(() => import("./runs/event-list.tsx"));
const EventView = lazy(() => import("./runs/event-view.tsx"));
const JobList = lazy(() => import("./runs/job-list.tsx"));
const MetricsView = lazy(() => import("./runs/metrics-view.tsx"));
const PAGES = [
  ["/runs", "Runs"],
  ["/events", "Events"],
  ["/jobs", "Jobs"],
  ["/metrics", "Metrics"],
] as const;

/** A page ends with its address, also where the next one has yet to be loaded: what it had begun does not lead back to it. */
export default function Dashboard() {
  const [path] = useLocation();
  const palette = useCommandsHere();
  return (
    <div className={styles.shell}>
      <nav className={styles.bar} aria-label="Pages">
        <Link href="/">Projects</Link>
        {PAGES.map(([href, name]) => (
          <Link key={href} href={href} aria-current={path.startsWith(href) ? "page" : undefined}>
            {name}
          </Link>
        ))}
        <span />
        <IconButton icon="search" label="Go to or do (Ctrl+K)" onClick={() => palette.show("palette")} />
      </nav>
      <Suspense key={path.split("/")[1]}>
        <Switch>
          <Route path="/runs">
            <RunList />
          </Route>
          <Route path="/runs/*">
            <TheRun />
          </Route>
          <Route path="/events">
            <EventList />
          </Route>
          <Route path="/events/*">
            <TheEvent />
          </Route>
          <Route path="/jobs">
            <JobList />
          </Route>
          <Route path="/metrics">
            <MetricsView />
          </Route>
          <Route>
            <main className={styles.nothing}>
              <h1>There is nothing here</h1>
              <p>This address leads nowhere.</p>
            </main>
          </Route>
        </Switch>
      </Suspense>
    </div>
  );
}

function TheEvent() {
  useLocation(); // as below
  const eventId = eventIdOf(location.pathname);
  return <EventView key={eventId} eventId={eventId} />;
}

function TheRun() {
  useLocation(); // what it says is decoded by half; the address itself is taken, each time that it changes
  const runId = runIdOf(location.pathname);
  return <RunView key={runId} runId={runId} />;
}
