// What a terminal says by itself when a program asks it something: what it is, where the cursor stands, which colours it has. Pure.

const ANSWER = /^(\[[?>]?[\d;]*\$?[cRnyt]|[\]P])/;

/** Whether it is such an answer, and nothing that a person has typed. */
export function isAnswer(text: string): boolean {
  return text.startsWith("\u001B") && ANSWER.test(text.slice(1));
}
