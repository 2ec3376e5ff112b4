// All projects, and every way to a new one.
import { lazy, Suspense, useState } from "react";
import { Link } from "wouter";
import { useApi } from "./data/api.ts";
import { ProjectList } from "./projects/project-list.tsx";
import { Button } from "./ui/button.tsx";
import { type Command, useCommands } from "./ui/commands.tsx";
import { Icon } from "./ui/icon.tsx";

const ImportDialog = lazy(() => import("./transfers/import-dialog.tsx"));
const PromptDialog = lazy(() => import("./generation/prompt-dialog.tsx"));

const SIGN_OUT: Command = { id: "sign-out", label: "Sign out", kind: "command", icon: "close", run: () => void leave() };

export default function ProjectsPage() {
  const { features } = useApi();
  const [shown, setShown] = useState<"import" | "prompt" | null>(null);
  useCommands(() => [
    { id: "import", label: "Import a project", kind: "command", icon: "folder", run: () => setShown("import") },
    { id: "prompt", label: "New project from a prompt", kind: "command", icon: "spark", run: () => setShown("prompt") },
    ...(features["signOut"] ? [SIGN_OUT] : []),
  ]);
  const close = () => setShown(null);
  return (
    <>
      <ProjectList
        more={
          <>
            <Link href="/runs">Runs</Link>
            <Button onClick={() => setShown("prompt")}>
              <Icon name="spark" /> From a prompt
            </Button>
            <Button onClick={() => setShown("import")}>
              <Icon name="folder" /> Import
            </Button>
            {features["signOut"] && (
              <Button look="quiet" onClick={() => void leave()}>
                Sign out
              </Button>
            )}
          </>
        }
      />
      <Suspense>
        {shown === "import" && <ImportDialog onClose={close} />}
        {shown === "prompt" && <PromptDialog onClose={close} />}
      </Suspense>
    </>
  );
}

async function leave() {
  (await import("./data/oidc.ts")).signOut();
  location.reload();
}
