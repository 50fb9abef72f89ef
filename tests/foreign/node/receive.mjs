// Receives webhooks and verifies them by Standard Webhooks.
//   node receive.mjs PORT SECRET
// Prints a line of JSON for each request: the event, or why it was refused with 401.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const [port, secret] = process.argv.slice(2);
const webhook = new Webhook(secret);

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  try {
    const { id, type, data } = webhook.verify(Buffer.concat(chunks).toString(), request.headers);
    console.log(JSON.stringify({ valid: true, id, type, number: data.number }));
    response.writeHead(204).end();
  } catch (error) {
    console.log(JSON.stringify({ valid: false, error: error.message }));
    response.writeHead(401).end();
  }
}).listen(Number(port), "127.0.0.1");
