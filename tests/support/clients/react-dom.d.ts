declare module "react-dom/client" {
  export function createRoot(place: unknown): { render(node: unknown): void; unmount(): void };
}
