// The page: who looks at it, and which of its routes they look at.
import { ConvexProvider, ConvexReactClient } from "convex/react";
import { Component, lazy, type ReactNode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { Route, Switch } from "wouter";
import { ApiContext, apiOf } from "./data/api.ts";
import { isNotFound, wordsOf } from "./ui/problems.ts";
import { closeSession, openSession } from "./data/session.ts";
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
const PaletteOrHelp = lazy(() => import("./palette.tsx"));

function Overlays() {
  return useCommandsHere().shown === null ? null : (
    <Suspense>
      <PaletteOrHelp />
    </Suspense>
  );
}

const root = createRoot(document.querySelector("#root") as HTMLElement);
try {
  const { token, convexUrl, features } = await openSession();
  const convex = new ConvexReactClient(convexUrl, { skipConvexDeploymentUrlCheck: true });
  convex.setAuth(
    async () => token,
    (isTaken) => {
      if (isTaken) return;
      closeSession();
      root.render(
        <Words title="Signed out" text="The server does not take this token any more. Open the address that “make dev” prints." />,
      );
    },
  );
  root.render(
    <ConvexProvider client={convex}>
      <ApiContext value={apiOf(token, features)}>
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
} catch (error) {
  root.render(<Words title="Not signed in" text={wordsOf(error)} />);
}
