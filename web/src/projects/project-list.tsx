// A person's projects: to find, make, name and delete them.
import { useMutation, useQuery } from "convex/react";
import type { FunctionReturnType } from "convex/server";
import { type ReactNode, type SubmitEvent, useCallback, useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { api } from "../../../convex/_generated/api.js";
import { wordsOf } from "../ui/problems.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Ask } from "../ui/dialog.tsx";
import { useNotices } from "../ui/notices.tsx";
import styles from "./projects.module.css";

const UNDO_MS = 30_000; // as long as the server keeps what is in a deleted project

type Project = FunctionReturnType<typeof api.projects.get>[number];

/** `more`: other ways to a project, beside the name of an empty one. */
export function ProjectList({ more }: { more?: ReactNode }) {
  const projects = useQuery(api.projects.get);
  const create = useMutation(api.projects.create);
  const [, go] = useLocation();
  const say = useNotices();
  const [name, setName] = useState("");
  const [asked, setAsked] = useState<{ what: "rename" | "delete"; project: Project } | null>(null);
  const [deleted, setDeleted] = useState<Project | null>(null);
  const forget = useCallback(() => setDeleted(null), []);
  async function make(event: SubmitEvent) {
    event.preventDefault();
    try {
      go(`/p/${await create({ name: name.trim() })}`);
    } catch (error) {
      say(wordsOf(error));
    }
  }
  return (
    <main className={styles.page}>
      <header>
        <h1>Projects</h1>
        {more}
      </header>
      <form onSubmit={(event) => void make(event)}>
        <input
          autoFocus
          aria-label="Name of a new project"
          placeholder="Name of a new project"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <Button type="submit" look="primary" disabled={name.trim() === ""}>
          Create
        </Button>
      </form>
      {deleted !== null && <Undo key={deleted._id} project={deleted} onOver={forget} />}
      {projects === undefined && <p>Loading…</p>}
      {projects?.length === 0 && <p>No projects yet. Name one above.</p>}
      <ul>
        {projects?.map((project) => (
          <li key={project._id}>
            <Link href={`/p/${project._id}`}>
              <b>{project.name}</b>
              {project.importStatus === "importing" && <em>being imported…</em>}
              {project.exportStatus === "exporting" && <em>being exported…</em>}
              <time dateTime={new Date(project.updatedAt).toISOString()}>{new Date(project.updatedAt).toLocaleString()}</time>
            </Link>
            <IconButton icon="pencil" label={`Rename ${project.name}`} onClick={() => setAsked({ what: "rename", project })} />
            <IconButton icon="trash" label={`Delete ${project.name}`} onClick={() => setAsked({ what: "delete", project })} />
          </li>
        ))}
      </ul>
      {asked !== null && <ProjectQuestion {...asked} onDeleted={setDeleted} onClose={() => setAsked(null)} />}
    </main>
  );
}

/** The last project that was deleted here, for as long as that can be taken back. */
function Undo({ project, onOver }: { project: Project; onOver: () => void }) {
  const restore = useMutation(api.projects.restoreProject);
  const say = useNotices();
  useEffect(() => {
    const timer = setTimeout(onOver, UNDO_MS);
    return () => clearTimeout(timer);
  }, [onOver]);
  async function undo() {
    try {
      await restore({ id: project._id });
    } catch (error) {
      say(wordsOf(error));
    }
    onOver();
  }
  return (
    <div className={styles.undo} role="status">
      <span>{project.name} was deleted.</span>
      <Button onClick={() => void undo()}>Undo</Button>
    </div>
  );
}

interface QuestionProps {
  what: "rename" | "delete";
  project: Project;
  onDeleted: (project: Project) => void;
  onClose: () => void;
}

function ProjectQuestion({ what, project, onDeleted, onClose }: QuestionProps) {
  const rename = useMutation(api.projects.rename);
  const remove = useMutation(api.projects.deleteProject);
  if (what === "rename") {
    return (
      <Ask
        title="Rename the project"
        field={{ label: "Name", value: project.name }}
        action="Rename"
        onClose={onClose}
        onDone={(name) => rename({ id: project._id, name })}
      />
    );
  }
  return (
    <Ask
      title={`Delete ${project.name}?`}
      text="Its files and conversations go with it, for good after 30 seconds. What is being written in it stops."
      action="Delete"
      isDanger
      onClose={onClose}
      onDone={async () => {
        await remove({ id: project._id });
        onDeleted(project);
      }}
    />
  );
}
