// The page: who looks at it, and which of its routes they look at.
import { ConvexProvider, ConvexReactClient } from "convex/react";
import { Component, lazy, type ReactNode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { Route, Switch } from "wouter";
import { ApiContext, apiOf } from "./data/api.ts";
import { isNotFound, wordsOf } from "./ui/problems.ts";
import { openSession, type Session, tokenOf } from "./data/session.ts";
import { CommandsProvider, useCommandsHere } from "./ui/commands.tsx";
import { Notices } from "./ui/notices.tsx";
import "./ui/base.css";

/** What a route cannot show, in words; the way back is always there. */
class Rim extends Component<{ children: ReactNode }, { problem?: unknown }> {
  override state: { problem?: unknown } = {};
  static getDerivedStateFromError(problem: unknown) {
    return { problem };
  }
  override render() {
    const { problem } = this.state;
    if (problem === undefined) return this.props.children;
    return <Words title={isNotFound(problem) ? "There is nothing here" : "This cannot be shown"} text={wordsOf(problem)} />;
  }
}

function Words({ title, text }: { title: string; text: string }) {
  return (
    <main style={{ maxWidth: 480, margin: "20vh auto", padding: 16 }}>
      <h1 style={{ fontSize: 18 }}>{title}</h1>
      <p>{text}</p>
      <a href="/">To the projects</a>
    </main>
  );
}

const atProject = location.pathname.startsWith("/p/") ? import("./project-page.tsx") : undefined; // while the session is asked for
const ProjectPage = lazy(() => atProject ?? import("./project-page.tsx"));
const ProjectsPage = lazy(() => import("./projects-page.tsx"));
const Dashboard = lazy(() => import("./dashboard.tsx"));
const SignIn = lazy(() => import("./sign-in.tsx"));
const PaletteOrHelp = lazy(() => import("./palette.tsx"));

function Overlays() {
  return useCommandsHere().shown === null ? null : (
    <Suspense>
      <PaletteOrHelp />
    </Suspense>
  );
}

const root = createRoot(document.querySelector("#root") as HTMLElement);

/** The page for whoever has a token; the way in, once it is not taken any more. */
function enter(session: Session) {
  const convex = new ConvexReactClient(session.convexUrl, { skipConvexDeploymentUrlCheck: true, initialAuthTokenReuse: true });
  convex.setAuth(
    ({ forceRefreshToken }) => tokenOf(session, forceRefreshToken),
    (isTaken) => isTaken || askWho(session),
  );
  root.render(
    <ConvexProvider client={convex}>
      <ApiContext value={apiOf(session)}>
        <Notices>
          <CommandsProvider>
            <Suspense>
              <Switch>
                <Route path="/">
                  <ProjectsPage />
                </Route>
                <Route path="/p/:project/c/:conversation">
                  {({ project, conversation }) => (
                    <Rim key={project}>
                      <ProjectPage project={project} conversation={conversation} />
                    </Rim>
                  )}
                </Route>
                <Route path="/p/:project">
                  {({ project }) => (
                    <Rim key={project}>
                      <ProjectPage project={project} />
                    </Rim>
                  )}
                </Route>
                <Route>
                  <Rim>
                    <Dashboard />
                  </Rim>
                </Route>
              </Switch>
            </Suspense>
            <Overlays />
          </CommandsProvider>
        </Notices>
      </ApiContext>
    </ConvexProvider>,
  );
}

function askWho(session: Session) {
  root.render(
    <Suspense>
      <SignIn session={session} />
    </Suspense>,
  );
}

try {
  const session = await openSession();
  if (session.token === null) askWho(session);
  else enter(session);
} catch (error) {
  root.render(<Words title="Not there" text={wordsOf(error)} />);
}
