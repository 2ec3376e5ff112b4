// What a program with Inngest's own SDK does, against the address and the keys it is given; prints what came of each call.
import { Inngest } from "inngest";

interface Given {
  url: string;
  eventKey: string;
  conversationId: string;
  foreign: string; // a conversation of somebody else's
}

const given = JSON.parse(process.argv[2] ?? "{}") as Given;
const clientWith = (eventKey: string) => new Inngest({ id: "program", baseUrl: given.url, eventKey, isDev: false });
const inngest = clientWith(given.eventKey);
const { conversationId } = given;

const one = await inngest.send({ id: "one", name: "message/sent", data: { conversationId, message: "Write it" } });
const again = await inngest.send({ id: "one", name: "message/sent", data: { conversationId, message: "Write it" } });
const several = await inngest.send([
  { name: "message/sent", data: { conversationId, message: "Write a second one" } },
  { name: "project/generate", data: { description: "A small tool, to write notes with." } },
]);
const failureOf = async (sent: Promise<unknown>) =>
  sent.then(
    () => "nothing",
    (error: unknown) => String(error),
  );
const unknownKey = await failureOf(clientWith("nobody-has-this-key").send({ name: "message/sent", data: {} }));
const badData = await failureOf(inngest.send({ name: "message/sent", data: { conversationId } }));
const foreign = await failureOf(inngest.send({ name: "message/sent", data: { conversationId: given.foreign, message: "Let me in" } }));
const cancelled = await inngest.send({ name: "message/cancel", data: { messageId: one.ids[0] } });
process.stdout.write(JSON.stringify({ one, again, several, unknownKey, badData, foreign, cancelled }));
