// What a language server says about code is Markdown of the project's own files: as HTML it may format, and nothing else.
const LET_IN = new Set(
  "a,b,blockquote,br,code,del,em,h1,h2,h3,h4,h5,h6,hr,i,li,ol,p,pre,span,strong,table,tbody,td,th,thead,tr,ul".split(","),
);

/** The same text with formatting alone: no scripts, images, forms, styles; links lead to pages, in a tab of their own. */
export function harmless(html: string): string {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  for (const element of [...body.querySelectorAll("*")]) {
    const name = element.localName;
    if (!LET_IN.has(name)) {
      element.replaceWith(element.textContent ?? "");
      continue;
    }
    const [href, colour] = [element.getAttribute("href") ?? "", element.className];
    for (const each of element.getAttributeNames()) element.removeAttribute(each);
    if (name === "span") element.className = colour;
    if (name !== "a" || !/^https?:\/\//i.test(href)) continue;
    element.setAttribute("href", href);
    element.setAttribute("target", "_blank");
    element.setAttribute("rel", "noopener noreferrer");
  }
  return body.innerHTML;
}
