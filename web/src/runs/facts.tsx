// A fact under its name, and a run as a link.
import type { ReactNode } from "react";
import { Link } from "wouter";
import { pathOf } from "./wire.ts";

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function linkTo(runId: string): ReactNode {
  return <Link href={pathOf(runId)}>{runId}</Link>;
}
